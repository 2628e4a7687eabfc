"""Every job of the service runs on a device of its own, and gives the CPU's pictures."""

import pytest

from tests.gpu.processes import run_checks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told():
    return run_checks("service_checks")


def test_no_job_mixes_devices(told):
    assert len(told) >= 20
    assert {title: one["error"] for title, one in told.items() if one["error"]} == {}
    assert all(one["operations"] > 10 for title, one in told.items() if title != "hashes")


def test_no_helper_thread_of_the_cpu_drives_the_device(told):
    assert {title: one["helpers"] for title, one in told.items() if one["helpers"]} == {}


def test_pictures_are_the_cpus(told):
    """To a few of 255 levels, as the device computes in bf16."""
    differences = [one["result"] for title, one in told.items() if title.startswith("same pictures")]
    assert len(differences) == 2
    assert max(differences) <= 4


def test_the_gpu_check_compares_and_measures(told):
    compared = told["GPU check: comparisons"]["result"]
    assert len(compared) == 4
    assert [what for what, difference, limit in compared if not difference <= limit] == []
    assert all(difference > 0 for what, difference, _ in compared if "bfloat16" in what)
    measured = told["GPU check: measurements"]["result"]
    assert "source+target frame" in measured
    for method in ("3d-adapter: Tri-D", "3d-adapter: G2", "difa", "nada", "dorm", "finetune"):
        assert any(what.startswith(method) for what in measured), method


def test_a_base_is_hashed_once_and_on_the_cpu(told):
    assert told["hashes"]["result"] == ["cpu", "cpu", "cpu"]  # two bases of the jobs, and one with a surface


def test_targets_of_people_read_noise_of_the_surface(told):
    assert told["people"]["result"]
