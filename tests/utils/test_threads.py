"""Threads are chosen before PyTorch is loaded, as many as there are cores to use, and the user's choice stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.utils.threads import cgroup_quota, choose_threads, too_many_threads, usable_cores

ROOT = Path(__file__).parents[2]


def test_what_the_user_chose_stays():
    for chosen in ({"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}, {"KMP_BLOCKTIME": "1"}):
        environment = {**chosen, "OMP_NUM_THREADS": "3"}
        choose_threads(environment)
        assert environment == {**chosen, "OMP_NUM_THREADS": "3"}


@pytest.mark.parametrize("loading", ["import adapter", "import adapter.__main__", "import app"])
def test_they_are_chosen_before_torch_is_loaded(loading: str):
    code = f"import sys, os; {loading}; assert 'torch' not in sys.modules; print(os.environ['GOMP_SPINCOUNT'])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100_000


def test_a_quota_bounds_them(tmp_path: Path):
    own, group = tmp_path / "own", tmp_path / "a" / "b"
    own.write_text("0::/a/b\n")
    group.mkdir(parents=True)
    assert cgroup_quota(own, tmp_path) is None
    (group / "cpu.max").write_text("max 100000\n")
    assert cgroup_quota(own, tmp_path) is None
    (tmp_path / "a" / "cpu.max").write_text("150000 100000\n")
    assert cgroup_quota(own, tmp_path) == 1.5
    (group / "cpu.max").write_text("50000 100000\n")
    assert cgroup_quota(own, tmp_path) == 0.5
    own.write_text("0::/elsewhere/outside\n")
    (tmp_path / "cpu.max").write_text("400000 100000\n")
    assert cgroup_quota(own, tmp_path) == 4, "a container's mount begins at its own group"


def test_a_quota_of_the_first_version_does_too(tmp_path: Path):
    (tmp_path / "own").write_text("3:cpu,cpuacct:/docker/1\n2:memory:/docker/1\n0::/\n")
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cgroup_quota(tmp_path / "own", tmp_path) is None
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("200000\n")
    assert cgroup_quota(tmp_path / "own", tmp_path) == 2


def test_cores_are_those_that_the_process_is_bound_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("adapter.utils.threads.cgroup_quota", lambda: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 7}, raising=False)
    assert usable_cores() == 3
    monkeypatch.setattr("adapter.utils.threads.cgroup_quota", lambda: 0.4)
    assert usable_cores() == 1
    environment = {"OMP_NUM_THREADS": " "}
    choose_threads(environment)
    assert environment["OMP_NUM_THREADS"] == "1"


def test_more_threads_than_cores_is_a_sentence():
    many = str(usable_cores() + 1)
    assert many in too_many_threads({"OMP_NUM_THREADS": many})
    assert too_many_threads({"OMP_NUM_THREADS": "1,2"}) is None
    assert too_many_threads({"OMP_NUM_THREADS": "many"}) is None
