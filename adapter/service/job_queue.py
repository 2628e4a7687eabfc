"""The adaptations that wait or run, so that a visitor is told how many are ahead and how long they take."""

import threading
import time
from dataclasses import dataclass, field

from adapter.errors import UserError
from adapter.service.time_left import remaining


@dataclass
class _Entry:
    session: str
    seconds: float
    started: float | None = None


@dataclass
class JobQueue:
    """Jobs that wait or run, in the order of their arrival; safe to use from several threads.

    A job of the API is enqueued when Gradio starts it, so those that still wait in Gradio's own queue are not counted.

    Args:
        per_visitor: jobs that one visitor may have waiting or running.
        capacity: jobs of all visitors.
    """

    per_visitor: int = 2
    capacity: int = 20
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

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

    def start(self, job: str) -> bool:
        """Mark a job as running; False if its visitor has left."""
        with self._lock:
            if job in self._entries:
                self._entries[job].started = time.monotonic()
            return job in self._entries

    def remove(self, job: str) -> None:
        """Remove a job, whether it ran or not."""
        with self._lock:
            self._entries.pop(job, None)

    def remove_session(self, session: str) -> None:
        """Remove all jobs of a visitor."""
        with self._lock:
            for job in [job for job, entry in self._entries.items() if entry.session == session]:
                del self._entries[job]

    def position(self, job: str) -> tuple[int, float] | None:
        """How many jobs are before a waiting one, and the seconds that they take; None if it does not wait."""
        with self._lock:
            entry = self._entries.get(job)
            if entry is None or entry.started is not None:
                return None
            names = list(self._entries)
            before = [self._entries[name] for name in names[: names.index(job)]]
            return len(before), sum(remaining(other.seconds, other.started) for other in before)
