"""Jobs that run in threads of their own, so that nobody has to stay connected while they do."""

import atexit
import contextvars
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adapter.service.cancellation import request_stop
from adapter.service.failures import explain
from adapter.service.job_queue import JobQueue
from adapter.service.requests import Update

SECONDS_TO_END = 10.0
NOT_BEGUN = "Stopped before it began, so there is nothing to keep."


@dataclass(eq=False)
class Job:
    """A job and all that is known of it; read and written under its lock.

    Args:
        folder: of its files, and its name in the queue.
        update: the latest one; None while it waits.
        preview: the latest one, uint8 [H, W, 3].
        note, problem: sentences for the visitor: by the way, and on why it failed.
        steps, losses: losses so far by kind, and the steps at which they were taken.
        outcome: what was made of its result.
        stopping, ended: whether it was told to stop, and whether nothing more will come.
        news, pictures: counts of changes, and of those with a new preview.
    """

    folder: str
    update: Update | None = None
    preview: np.ndarray | None = None
    note: str = ""
    problem: str = ""
    steps: list[int] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    outcome: Any = None
    stopping: bool = False
    ended: bool = False
    news: int = 0
    pictures: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def record(self, update: Update, finish: "Finish") -> None:
        """Take over an update; ``finish`` makes the outcome from a result."""
        result = update.result or update.found
        outcome = None if result is None else finish(result)
        with self.lock:
            self.update, self.note = update, update.message or self.note
            self.outcome = outcome or self.outcome
            if update.losses:
                self.steps.append(update.step)
            for kind, value in update.losses.items():
                self.losses.setdefault(kind, []).append(value)
            if update.preview is not None:
                self.preview = update.preview
                self.pictures += 1
            self.news += 1

    def arriving(self, share: float, text: str) -> None:
        """Tell how far a download is that the job waits for; see `adapter.hub.download.Progress`."""
        with self.lock:
            self.update = None if share >= 1 else Update(text, fraction=share)
            self.news += 1

    def end(self, note: str = "", problem: str = "") -> None:
        """Nothing more will come; only the first call counts."""
        with self.lock:
            if not self.ended:
                self.note, self.problem, self.ended = note or self.note, problem, True
                self.news += 1

    def stop(self, queue: JobQueue) -> None:
        """Leave the queue at once, or ask the running job to keep what it has."""
        if queue.withdraw(self.folder):
            self.end(NOT_BEGUN)
        else:
            self.stopping = True
            request_stop(self.folder)


Finish = Callable[[Any], Any]
"""Makes the outcome from an `AdaptResult` or an `InvertResult`."""
Prepare = Callable[[Job], tuple[Iterator[Update], Finish]]


def start(job: Job, queue: JobQueue, prepare: Prepare) -> None:
    """Run an enqueued job in a thread: prepare it at once, wait for its turn, and record its updates.

    The thread takes over the context of the call, by which ZeroGPU knows whose time is used.

    Args:
        job, queue: the job was enqueued there under the name of its folder.
        prepare: checks what was given, may leave a note, and returns the updates, of which none is computed yet, and a
            function that makes the outcome from the result.
    """

    def run() -> None:
        try:
            updates, finish = prepare(job)
            if not queue.start(job.folder):
                job.end(NOT_BEGUN)
                return
            for update in updates:
                job.record(update, finish)
                queue.report(job.folder, update.seconds_left)
            job.end()
        except Exception as error:
            job.end(problem=explain(error))
        finally:
            queue.remove(job.folder)
            atexit.unregister(ending)

    # A thread for each job: PyTorch's helper threads go with it, and do not crowd the cores beside the next one's.
    thread = threading.Thread(target=contextvars.copy_context().run, args=[run], daemon=True, name="job")
    # Python may not end while a thread is inside of PyTorch: the whole process would abort.
    ending = functools.partial(_end, job, queue, thread)
    atexit.register(ending)
    thread.start()


def _end(job: Job, queue: JobQueue, thread: threading.Thread) -> None:
    job.stop(queue)
    thread.join(SECONDS_TO_END)
