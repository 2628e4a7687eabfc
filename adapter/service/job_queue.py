"""The adaptations that wait or run, so that a visitor is told how many are ahead and how long they take."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapter.errors import UserError
from adapter.service.time_left import remaining

_SETTLED = 5.0
"""Seconds after which a running job's expectation is worth something."""
_SLOWEST = 20.0


@dataclass
class _Entry:
    session: str
    seconds: float
    started: float | None = None
    ends: float | None = None


@dataclass
class JobQueue:
    """Jobs that wait or run, in the order of their arrival; safe to use from several threads.

    A job of the API is enqueued when Gradio starts it, so those that still wait in Gradio's own queue are not counted.

    Args:
        per_visitor: jobs that one visitor may have waiting or running.
        capacity: jobs of all visitors.
        at_once: jobs that may run at the same time.
    """

    per_visitor: int = 2
    capacity: int = 20
    at_once: int = 1
    _pace: float = 1.0
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _lock: threading.Condition = field(default_factory=threading.Condition)

    def enqueue(self, job: str, session: str, seconds: float) -> None:
        """Add a job that takes about that many seconds.

        Raises:
            UserError: the visitor has too many jobs already, or the queue is full.
        """
        with self._lock:
            if sum(entry.session == session for entry in self._entries.values()) >= self.per_visitor:
                raise UserError("You have jobs running already. Wait for one to end, or stop it.")
            if len(self._entries) >= self.capacity:
                raise UserError("Too many people are waiting. Try again in a few minutes.")
            self._entries[job] = _Entry(session, seconds)

    def start(self, job: str, patience: float | None = None) -> bool:
        """Wait for a job's turn, which comes when fewer than ``at_once`` before it are left, and mark it as running.

        Args:
            job: its name.
            patience: seconds to wait at most; until the turn comes where None.

        Returns:
            False if the job was removed, or if its turn has not come.
        """
        with self._lock:
            self._lock.wait_for(lambda: job not in self._entries or self._has_turn(job), patience)
            if job not in self._entries or not self._has_turn(job):
                return False
            self._entries[job].started = time.monotonic()
            return True

    def wait(self, job: str, every: float = 2.0) -> Iterator[tuple[int, float]]:
        """Wait for a job's turn as `start` does, and yield its `position` every so many seconds until then.

        Raises:
            UserError: the job was removed.
        """
        while not self.start(job, every):
            place = self.position(job)
            if place is None:
                raise UserError("This session has ended. Start again.")
            yield place

    def report(self, job: str, seconds_left: float | None) -> None:
        """Take over what a running job expects; jobs that wait are then expected to be as much slower than thought."""
        with self._lock:
            entry = self._entries.get(job)
            if entry is None or entry.started is None or seconds_left is None:
                return
            now = time.monotonic()
            entry.ends = now + seconds_left
            if now - entry.started > _SETTLED:
                self._pace = min(_SLOWEST, max(1 / _SLOWEST, (entry.ends - entry.started) / max(1.0, entry.seconds)))

    def withdraw(self, job: str) -> bool:
        """Remove a job that still waits; False if it runs or has gone."""
        with self._lock:
            if job not in self._entries or self._entries[job].started is not None:
                return False
            del self._entries[job]
            self._lock.notify_all()
            return True

    def remove(self, job: str) -> None:
        """Remove a job, whether it ran or not."""
        with self._lock:
            self._entries.pop(job, None)
            self._lock.notify_all()

    def remove_session(self, session: str) -> None:
        """Remove all jobs of a visitor."""
        with self._lock:
            for job in [job for job, entry in self._entries.items() if entry.session == session]:
                del self._entries[job]
            self._lock.notify_all()

    def position(self, job: str) -> tuple[int, float] | None:
        """How many jobs are before a waiting one, and the seconds that they take; None if it does not wait."""
        with self._lock:
            entry = self._entries.get(job)
            if entry is None or entry.started is not None:
                return None
            names = list(self._entries)
            before = [self._entries[name] for name in names[: names.index(job)]]
            return len(before), sum(self._left(other) for other in before) / max(1, min(self.at_once, len(before)))

    def _has_turn(self, job: str) -> bool:
        return job in list(self._entries)[: self.at_once]

    def _left(self, entry: _Entry) -> float:
        if entry.started is None:
            return self._pace * entry.seconds
        return remaining(entry.seconds if entry.ends is None else entry.ends - entry.started, entry.started)
