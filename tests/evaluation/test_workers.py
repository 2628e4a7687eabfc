"""A contest in several processes."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapter.errors import UserError
from adapter.evaluation.runner import contest, unmeasured
from adapter.evaluation.workers import share_out
from tests.evaluation.tiny import make_tools

DOMAINS = ("orc",)


def broken_tools():
    raise UserError("There are no tools.")


def dying_tools():
    os.kill(os.getpid(), signal.SIGKILL)


def endless_tools():
    Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
    time.sleep(600)


def test_two_processes_measure_what_one_would(tools, contestants, tmp_path):
    missing = unmeasured(tools, contestants, DOMAINS)
    assert len(missing) == 5
    steps = list(share_out(functools.partial(make_tools, tools.out), missing, 2))
    assert steps[-1].done == steps[-1].total == 5
    assert sum(step.what.endswith(": measured") for step in steps) == 5
    assert unmeasured(tools, contestants, DOMAINS) == []
    *progress, shared = contest(tools, contestants, DOMAINS)
    assert [step.done for step in progress] == [5]
    *_, alone = contest(make_tools(tmp_path / "alone", tools.judge), contestants, DOMAINS)
    for row, domains in alone.items():
        for domain, values in domains.items():
            for name in ("kid", "psnr", "edges"):
                assert shared[row][domain][name] == pytest.approx(values[name], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(("make", "said"), [(broken_tools, "There are no tools"), (dying_tools, "before its time")])
def test_a_process_that_fails_ends_the_whole_with_a_sentence(tools, contestants, make, said):
    missing = unmeasured(tools, contestants, DOMAINS)
    with pytest.raises(UserError, match=said):
        list(share_out(make, missing, 1))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_processes_end_with_the_one_that_started_them(tmp_path):
    program = (
        "from adapter.evaluation.runner import Cell\n"
        "from adapter.evaluation.workers import share_out\n"
        "from tests.evaluation.test_workers import endless_tools\n"
        "list(share_out(endless_tools, [Cell('source', 'orc')], 1))"
    )
    told = tmp_path / "pid"
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PID_FILE": str(told)}
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, env=environment) as parent:
        until(lambda: told.is_file() and told.read_text(), 60)
        worker = int(told.read_text())
        assert running(worker)
        parent.kill()
    until(lambda: not running(worker), 20)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(there, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.1)
