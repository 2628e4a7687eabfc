"""An evaluation on several processes, which on a CPU are faster together than one process with as many threads."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue

import torch

from adapter.errors import UserError
from adapter.evaluation.runner import BASELINES, Cell, CellRunner, EvalContext, EvalProgress

_POLL_SECONDS = 5.0


def run_parallel(make_context: Callable[[], EvalContext], cells: Sequence[Cell], jobs: int) -> Iterator[EvalProgress]:
    """Measure cells in several processes of one thread each; the results are the cells' files.

    Closing the iterator ends the processes.

    Args:
        make_context: makes each process its own context; can be pickled.
        cells: of an evaluation, which afterwards only has to read them.
        jobs: number of processes.

    Yields:
        Progress.

    Raises:
        UserError: a method that failed, or a process that ended early.
        OSError: a folder that cannot be written.
    """
    # The longest work comes first, so that no process is left with a long cell at the end.
    cells = sorted(cells, key=lambda cell: cell.name in BASELINES)
    spawn = multiprocessing.get_context("spawn")
    tasks, reports = spawn.Queue(), spawn.Queue()
    for task in [*cells, *[None] * jobs]:
        tasks.put(task)
    workers = [spawn.Process(target=_work, args=(make_context, tasks, reports), daemon=True) for _ in range(jobs)]
    try:
        for worker in workers:
            worker.start()
        yield from _progress(reports, workers, len(cells))
    finally:
        for worker in workers:
            worker.terminate()
        for channel in (tasks, reports):
            channel.cancel_join_thread()


def _progress(reports: Queue, workers: Sequence[BaseProcess], total: int) -> Iterator[EvalProgress]:
    done = 0
    while done < total:
        try:
            cell, report = reports.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if not all(worker.is_alive() or worker.exitcode == 0 for worker in workers):
                raise UserError(
                    "A process of the evaluation ended early, perhaps for lack of memory. Finished measurements are "
                    "kept: start again, with --jobs 1 where memory is short."
                ) from None
            continue
        if isinstance(report, Exception):
            raise report
        done += report is None
        yield EvalProgress(done, total, f"{cell}: {report or 'measured'}")


def _work(make_context: Callable[[], EvalContext], tasks: Queue, reports: Queue) -> None:
    """Measure cells until there are no more; reports words, None for a cell that is done, or the exception."""
    # Ctrl-C reaches every process of a terminal; the parent process ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    cell: Cell | None = None
    try:
        runner = CellRunner(make_context())
        while (cell := tasks.get()) is not None:
            for text in runner.run(cell):
                reports.put((str(cell), text))
            reports.put((str(cell), None))
    except (UserError, OSError) as error:
        reports.put((str(cell), error))


def _exit_with_parent() -> None:
    """End this process when the parent does: a killed parent cannot end its children, which would run for hours."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)
