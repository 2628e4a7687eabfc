"""The time left is true within a factor of two, by a clock that the test turns."""

import pytest

from adapter.service import job_queue, time_left
from adapter.service.job_queue import JobQueue
from adapter.service.time_left import TimeLeft, remaining


class Clock:
    now = 1000.0

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time_left, "time", clock)
    monkeypatch.setattr(job_queue, "time", clock)
    return clock


@pytest.mark.parametrize("slowness", [0.5, 1, 4])
def test_a_running_job_on_any_machine(clock: Clock, slowness: float):
    """Of a job with 40 steps of training and 25 poses."""
    step, pose = slowness * 1.0, slowness * 0.3
    clock.now += pose
    left = TimeLeft(40.0, pose, 25)
    end = clock.now + 40 * step + 25 * pose + time_left.WRITING_SECONDS
    fractions = []
    for done in range(1, 41):
        clock.now += step
        shown = left.in_training(step * (40 - done))
        fractions.append(left.fraction(shown))
        assert 0.5 <= shown / (end - clock.now) <= 2
    left.start_rendering()
    for _ in range(25):
        clock.now += pose
        shown = left.after_pose()
        fractions.append(left.fraction(shown))
        assert 0.5 <= shown / (end - clock.now) <= 2
    assert fractions == sorted(fractions)


def test_who_waits_is_told_the_pace_of_the_job_that_runs(clock: Clock):
    """Both jobs take four times as long as was thought."""
    queue = JobQueue()
    for name in "abc":
        queue.enqueue(name, name, 60.0)
    queue.start("a")
    for second in range(10, 240, 10):
        clock.now = 1000.0 + second
        queue.report("a", 240.0 - second)
        truth = (240 - second) + 240
        assert 0.5 <= queue.position("c")[1] / truth <= 2
    queue.remove("a")
    assert queue.position("c")[1] == pytest.approx(240)


def test_reports_of_others_do_not_count(clock: Clock):
    queue = JobQueue()
    queue.enqueue("a", "anna", 60.0)
    queue.enqueue("b", "bert", 60.0)
    for name in ("a", "nobody"):
        queue.report(name, 1000.0)  # has not started, or is not there
    assert queue.position("b")[1] == 60
    queue.start("a")
    queue.report("a", None)
    assert queue.position("b")[1] == pytest.approx(60)


def test_nothing_is_ever_due_at_once(clock: Clock):
    assert remaining(60.0, None) == 60
    assert remaining(60.0, clock.now - 1000) > 0
