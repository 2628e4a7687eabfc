"""The line is fair, tells the truth about waiting, and cannot be filled by one visitor."""

import pytest

from adapter.errors import UserError
from adapter.service.job_queue import JobQueue


def test_places_follow_arrival_and_begin_ends_the_wait():
    line = JobQueue()
    line.join("a", "anna", 60)
    line.join("b", "bert", 30)
    line.join("c", "cora", 10)
    assert line.wait("a") == (0, 0)
    assert line.wait("c") == (2, 90)
    line.begin("a")
    assert line.wait("a") is None
    before, seconds = line.wait("c")
    assert before == 2
    assert 85 < seconds <= 90
    line.leave("a")
    assert line.wait("c") == (1, 30)
    assert line.wait("nobody") is None


def test_a_job_that_takes_longer_than_thought_still_takes_a_moment():
    line = JobQueue()
    line.join("a", "anna", 0)
    line.join("b", "bert", 0)
    line.begin("a")
    assert line.wait("b")[1] > 0


def test_one_visitor_cannot_fill_the_line():
    line = JobQueue(each=2, most=3)
    line.join("a", "anna", 1)
    line.join("b", "anna", 1)
    with pytest.raises(UserError, match="You have jobs running already"):
        line.join("c", "anna", 1)
    line.join("d", "bert", 1)
    with pytest.raises(UserError, match="Too many people"):
        line.join("e", "cora", 1)
    line.leave_all("anna")
    line.join("e", "cora", 1)
    assert line.wait("e") == (1, 1)
