"""Who is next: places in the line for adaptations, so that a visitor is told how long it takes."""

import threading
import time
from dataclasses import dataclass, field

from adapter.errors import UserError


@dataclass
class _Place:
    session: str
    seconds: float
    began: float | None = None

    def left(self) -> float:
        """Seconds until this job is done, roughly."""
        return self.seconds if self.began is None else max(3.0, self.seconds - (time.monotonic() - self.began))


@dataclass
class JobQueue:
    """Jobs that wait or run, in the order of their arrival; safe to use from several threads.

    A job of the API joins when Gradio starts it, so those that still wait in Gradio's own queue are not counted.

    Args:
        each: jobs that one visitor may have waiting or running.
        most: jobs of all visitors.
    """

    each: int = 2
    most: int = 20
    _places: dict[str, _Place] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, job: str, session: str, seconds: float) -> None:
        """Stand in line with a job that takes about so many seconds.

        Raises:
            UserError: the visitor has enough jobs there, or the line is full.
        """
        with self._lock:
            if sum(place.session == session for place in self._places.values()) >= self.each:
                raise UserError("You have jobs running already. Wait for one to end, or stop it.")
            if len(self._places) >= self.most:
                raise UserError("Too many people are waiting. Try again in a few minutes.")
            self._places[job] = _Place(session, seconds)

    def begin(self, job: str) -> bool:
        """The job's turn has come; False where its visitor has gone meanwhile."""
        with self._lock:
            if job in self._places:
                self._places[job].began = time.monotonic()
            return job in self._places

    def leave(self, job: str) -> None:
        """The job is over, whether it had its turn or not."""
        with self._lock:
            self._places.pop(job, None)

    def leave_all(self, session: str) -> None:
        """The visitor has gone."""
        with self._lock:
            for job in [job for job, place in self._places.items() if place.session == session]:
                del self._places[job]

    def wait(self, job: str) -> tuple[int, float] | None:
        """How many jobs are before this one and how many seconds they take; None where it does not wait."""
        with self._lock:
            place = self._places.get(job)
            if place is None or place.began is not None:
                return None
            before = []
            for name, other in self._places.items():
                if name == job:
                    break
                before.append(other.left())
            return len(before), sum(before)
