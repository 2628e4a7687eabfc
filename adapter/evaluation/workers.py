"""A contest shared out among processes, which on a CPU beats threads that meet in every operation."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess

import torch

from adapter.errors import UserError
from adapter.evaluation.runner import BASELINES, Cell, EvalContext, Progress, Stage

_SECONDS_TO_ANSWER = 5.0


def share_out(make_tools: Callable[[], EvalContext], cells: Sequence[Cell], jobs: int) -> Iterator[Progress]:
    """Measure cells in several processes of one thread each; the cells' files are what comes of it.

    Closing the iterator ends the processes.

    Args:
        make_tools: makes each process its own tools; can be pickled.
        cells: of a contest, which then only has to read them.
        jobs: number of processes.

    Yields:
        Progress.

    Raises:
        UserError: a method that failed, a folder that cannot be written, or a process that ended before its time.
    """
    # What takes longest comes first, so that no process is left with a long cell at the end.
    cells = sorted(cells, key=lambda cell: cell.name in BASELINES)
    context = multiprocessing.get_context("spawn")
    tasks, news = context.Queue(), context.Queue()
    for task in [*cells, *[None] * jobs]:
        tasks.put(task)
    workers = [context.Process(target=_work, args=(make_tools, tasks, news), daemon=True) for _ in range(jobs)]
    try:
        for worker in workers:
            worker.start()
        yield from _progress(news, workers, len(cells))
    finally:
        for worker in workers:
            worker.terminate()
        for channel in (tasks, news):
            channel.cancel_join_thread()


def _progress(news: multiprocessing.Queue, workers: Sequence[BaseProcess], total: int) -> Iterator[Progress]:
    done = 0
    while done < total:
        try:
            cell, said = news.get(timeout=_SECONDS_TO_ANSWER)
        except queue.Empty:
            if not all(worker.is_alive() or worker.exitcode == 0 for worker in workers):
                raise UserError(
                    "A process of the evaluation ended before its time, perhaps for want of memory. What is measured "
                    "is kept: start again, with --jobs 1 where memory is short."
                ) from None
            continue
        if isinstance(said, Exception):
            raise said
        done += said is None
        yield Progress(done, total, f"{cell}: {said or 'measured'}")


def _work(make_tools: Callable[[], EvalContext], tasks: multiprocessing.Queue, news: multiprocessing.Queue) -> None:
    """Measure cells until there are no more; says how it goes, None for a cell that is done, or what went wrong."""
    # Ctrl-C reaches every process of a terminal; the one that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    cell: Cell | None = None
    try:
        stage = Stage(make_tools())
        while (cell := tasks.get()) is not None:
            for step in stage.measure(cell):
                if isinstance(step, str):
                    news.put((str(cell), step))
            news.put((str(cell), None))
    except (UserError, OSError) as error:
        news.put((str(cell), error))


def _leave_with_parent() -> None:
    """A killed process ends no others, which would go on for hours with what nobody waits for."""
    multiprocessing.parent_process().join()
    os._exit(1)
