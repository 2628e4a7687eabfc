"""An evaluation on several processes."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapter.errors import UserError
from adapter.evaluation import workers
from adapter.evaluation.runner import missing_cells, run_evaluation
from adapter.evaluation.workers import run_parallel
from tests.evaluation.tiny import make_context
from tests.helpers.processes import running, until

DOMAINS = ("orc",)


def broken_context():
    raise UserError("There are no models.")


def dying_context():
    os.kill(os.getpid(), signal.SIGKILL)


def endless_context():
    Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
    time.sleep(600)


def test_two_processes_measure_what_one_would(eval_context, entries, tmp_path):
    missing = missing_cells(eval_context, entries, DOMAINS)
    assert len(missing) == 5
    steps = list(run_parallel(functools.partial(make_context, eval_context.out), missing, 2))
    assert steps[-1].done == steps[-1].total == 5
    assert sum(step.text.endswith(": measured") for step in steps) == 5
    assert missing_cells(eval_context, entries, DOMAINS) == []
    *progress, shared = run_evaluation(eval_context, entries, DOMAINS)
    assert [step.done for step in progress] == [5]
    *_, alone = run_evaluation(make_context(tmp_path / "alone", eval_context.classifier), entries, DOMAINS)
    for row, domains in alone[0].items():
        for domain, values in domains.items():
            for name in ("kid", "psnr", "edges"):
                assert shared[0][row][domain][name] == pytest.approx(values[name], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(("make", "said"), [(broken_context, "There are no models"), (dying_context, "ended early")])
def test_a_process_that_fails_ends_the_whole_with_a_sentence(eval_context, entries, monkeypatch, make, said):
    monkeypatch.setattr(workers, "_POLL_SECONDS", 0.5)
    missing = missing_cells(eval_context, entries, DOMAINS)
    with pytest.raises(UserError, match=said):
        list(run_parallel(make, missing, 1))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_processes_end_with_the_one_that_started_them(tmp_path):
    program = (
        "from adapter.evaluation.runner import Cell\n"
        "from adapter.evaluation.workers import run_parallel\n"
        "from tests.evaluation.test_workers import endless_context\n"
        "list(run_parallel(endless_context, [Cell('source', 'orc')], 1))"
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
