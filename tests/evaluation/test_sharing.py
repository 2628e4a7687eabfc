"""A contest in several processes."""

import functools
import os
import signal

import pytest

from adapter.errors import UserError
from adapter.evaluation.contest import contest, unmeasured
from adapter.evaluation.sharing import share_out
from tests.evaluation.tiny import make_tools

DOMAINS = ("orc",)


def broken_tools():
    raise UserError("There are no tools.")


def dying_tools():
    os.kill(os.getpid(), signal.SIGKILL)


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
