"""The queue is fair, estimates the wait, and cannot be filled by one visitor."""

import threading

import pytest

from adapter.errors import UserError
from adapter.service.job_queue import JobQueue


def test_positions_follow_arrival_until_the_start():
    queue = JobQueue()
    queue.enqueue("a", "anna", 60)
    queue.enqueue("b", "bert", 30)
    queue.enqueue("c", "cora", 10)
    assert queue.position("a") == (0, 0)
    assert queue.position("c") == (2, 90)
    queue.start("a")
    assert queue.position("a") is None
    before, seconds = queue.position("c")
    assert before == 2
    assert 85 < seconds <= 90
    queue.remove("a")
    assert queue.position("c") == (1, 30)
    assert queue.position("nobody") is None


def test_a_job_that_takes_longer_than_thought_still_takes_a_moment():
    queue = JobQueue()
    queue.enqueue("a", "anna", 0)
    queue.enqueue("b", "bert", 0)
    queue.start("a")
    assert queue.position("b")[1] > 0


def test_one_visitor_cannot_fill_the_queue():
    queue = JobQueue(per_visitor=2, capacity=3)
    queue.enqueue("a", "anna", 1)
    queue.enqueue("b", "anna", 1)
    with pytest.raises(UserError, match="You have jobs running already"):
        queue.enqueue("c", "anna", 1)
    queue.enqueue("d", "bert", 1)
    with pytest.raises(UserError, match="Too many people"):
        queue.enqueue("e", "cora", 1)
    queue.remove_session("anna")
    queue.enqueue("e", "cora", 1)
    assert queue.position("e") == (1, 1)


def test_one_job_runs_at_a_time_in_the_order_of_arrival():
    queue, order = JobQueue(per_visitor=9), []
    for name in "abc":
        queue.enqueue(name, "anna", 1)

    def run(name: str) -> None:
        assert queue.start(name)
        order.append(name)
        queue.remove(name)

    threads = [threading.Thread(target=run, args=[name]) for name in "cba"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert order == ["a", "b", "c"]


def test_a_waiting_job_leaves_at_once_and_a_running_one_does_not():
    queue = JobQueue()
    queue.enqueue("a", "anna", 1)
    queue.enqueue("b", "bert", 1)
    assert queue.start("a")
    assert not queue.start("b", 0.01)
    assert not queue.withdraw("a")
    assert queue.withdraw("b")
    assert not queue.start("b")


def test_several_gpus_serve_one_line():
    queue = JobQueue(per_visitor=9, at_once=2)
    for job in "abcd":
        queue.enqueue(job, job, 60)
    assert queue.start("a", patience=0)
    assert queue.start("b", patience=0)
    assert not queue.start("c", patience=0)
    before, seconds = queue.position("d")
    assert before == 3
    assert 60 < seconds <= 90
    queue.remove("b")
    assert queue.start("c", patience=0)
    assert not queue.start("d", patience=0)
