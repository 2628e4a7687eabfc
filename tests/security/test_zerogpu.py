"""On ZeroGPU, jobs run in forked workers: results cross over, state does not, errors stay readable."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from adapter.eg3d import Eg3d
from adapter.service.gpu import gpu_seconds
from adapter.service.requests import AdaptRequest, ExploreRequest, RenderRequest
from tests.helpers.tiny_base import CONFIG

from .fake_device_api import Lender, LoopbackLender

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lender() -> Iterator[Lender]:
    with LoopbackLender() as lender:
        yield lender


@pytest.fixture
def play(lender: Lender, tmp_path: Path):
    """Plays a scenario of `zerogpu_driver` in a process of its own."""
    torch.manual_seed(0)
    Eg3d(CONFIG).save_pretrained(tmp_path / "base")
    (tmp_path / "a.txt").write_text("no domain")

    def run(scenario: str) -> dict:
        environment = {
            **os.environ,
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": lender.url,
            "ZEROGPU_OFFLOAD_DIR": str(tmp_path / "offload"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }
        environment.pop("BASE", None)
        driver = Path(__file__).with_name("zerogpu_driver.py")
        command = [sys.executable, str(driver), scenario, str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        assert lines, done.stdout[-2000:] + done.stderr[-4000:]
        return json.loads(lines[0].removeprefix("RESULT "))

    return run


@pytest.mark.slow
def test_a_job_runs_in_a_worker_and_only_its_results_come_back(play, lender: Lender):
    told = play("adapt")
    assert told["steps"] == 12
    assert told["files"]
    assert told["previews"] >= 4
    assert told["kinds of values"] == ["NoneType", "ndarray"]
    found, begun, *_ = told["log"].splitlines()
    assert found == "adapt finds 0 bases"
    assert begun.startswith("adapt begins in ")
    assert int(begun.rpartition(" ")[2]) != told["parent"]
    assert told["log"].splitlines()[-1] == "adapt ends"
    assert told["loaded in the parent"] == 0
    assert told["parent's torch is emulated"]
    assert lender.asked() == [told["seconds"]]
    assert [path for path in lender.paths() if path != "/startup-report"] == ["/schedule", "/allow", "/release"]


@pytest.mark.slow
def test_what_is_loaded_before_the_page_is_up_is_there_in_the_worker(play):
    told = play("preloaded")
    assert told["log"].splitlines()[0] == "adapt finds 1 bases"
    assert told["log"].splitlines()[-1] == "adapt ends"
    assert told["device"] == "cuda:0"
    assert told["orbit"] > 1000


@pytest.mark.slow
def test_closing_the_job_stops_the_worker_at_its_next_step(play, lender: Lender):
    told = play("close")
    lines = told["log"].splitlines()
    assert "adapt was closed" in lines
    assert "adapt ends" not in lines
    assert lines[-1] == "adapt was closed"
    assert lender.paths().count("/release") == 1
    assert told["left"] == []


@pytest.mark.slow
def test_errors_arrive_as_sentences(play, lender: Lender):
    """The third job is refused for lack of quota, after the first two were lent a device."""
    lent = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "t"}
    lender.answers = [(200, lent, {}), (200, lent, {}), (503, {}, {})]
    told = play("errors")
    assert told["sentence"].startswith("There is no CLIP called clip-nothing.")
    assert "a.txt" in told["domain"]
    assert told["gpu"].startswith("No GPU is free at the moment.")


@pytest.mark.slow
def test_explorations_have_a_worker_of_their_own_and_keep_it(play, lender: Lender):
    told = play("separate")
    begun = [line for line in told["log"].splitlines() if "begins" in line]
    workers = [line.rpartition(" ")[2] for line in begun]
    assert [line.split()[0] for line in begun] == ["adapt", "explore", "explore"]
    assert workers[0] != workers[1] == workers[2]
    assert told["shapes"] == [[2, 512, 512, 3]] * 2
    assert lender.asked()[1:] == [told["seconds"]] * 2


@pytest.mark.slow
def test_prompts_and_uploads_are_read_where_no_gpu_is(play):
    assert play("parent") | {"spaces": "", "log": ""} == {"known": True, "accepted": True, "spaces": "", "log": ""}


def picture() -> tuple[np.ndarray]:
    return (np.zeros((8, 8, 3), np.uint8),)


def test_seconds_follow_the_work():
    """spaces calls the estimate with the job's arguments and whatever Gradio adds, and drops fractions."""
    requests = [AdaptRequest(picture(), "folder", preset="quick", steps=steps) for steps in (10, 100, 400)]
    seconds = [gpu_seconds(request, progress=None) for request in requests]
    assert seconds == sorted(set(seconds))
    assert all(type(value) is int for value in seconds)
    assert gpu_seconds(RenderRequest("domain", "folder")) < seconds[-1]
    kinds = [gpu_seconds(ExploreRequest(kind=kind), "extra") for kind in ("image", "views", "grid", "orbit", "walk")]
    assert all(0 < value <= 20 for value in kinds)
    assert kinds[0] == min(kinds)


def test_the_default_job_fits_into_what_visitors_without_a_login_get():
    """Two minutes a day; spaces multiplies what is asked for by 1.5 on today's devices."""
    assert gpu_seconds(AdaptRequest(picture(), "folder")) * 1.5 <= 120
