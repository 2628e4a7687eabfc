"""Work shared out among threads that each compute alone, which on a CPU beats threads that meet in every operation.

PyTorch splits each operation among its threads and waits for the slowest of them, where small operations lose most of
the gain. Here each thread takes a whole piece of work instead.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

PARTS_EACH = 2
"""Parts per thread: a thread that is held up by other programs leaves some of its share to the others."""
_shared: ContextVar[bool] = ContextVar("shared", default=False)
_starting = threading.Lock()


def each(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Results of ``work`` for every item, in their order; at once, with one thread of PyTorch's each, where it may.

    It may without gradients, and as often as `torch.get_num_threads` says. What runs inside of ``work`` finds a single
    thread and so stays within its own. Results do not depend on how many threads there are as long as the kernels that
    ``work`` calls do not.
    """
    if len(items) < 2 or torch.is_grad_enabled() or not _may_share():
        return [work(item) for item in items]
    return [job.result() for job in [_start(work, item) for item in items]]


def stream(work: Callable[[Item], Result], items: Iterable[Item], device: torch.device) -> Iterator[Result]:
    """Results of ``work`` for every item as they come, in their order and without gradients.

    Where the work is a CPU's, several items are in work at once as in `each`; a GPU is busy with one.
    """
    if device.type != "cpu" or not _may_share():
        for item in items:
            # Whoever takes what is yielded may want gradients.
            with torch.no_grad():
                result = work(item)
            yield result
        return
    jobs: deque[Future[Result]] = deque()
    try:
        for item in items:
            jobs.append(_start(work, item))
            if len(jobs) == PARTS_EACH * torch.get_num_threads():
                yield jobs.popleft().result()
        while jobs:
            yield jobs.popleft().result()
    finally:
        for job in jobs:
            job.cancel()


def _may_share() -> bool:
    return torch.get_num_threads() > 1 and not _shared.get()


def _start(work: Callable[[Item], Result], item: Item) -> Future[Result]:
    inference = torch.is_inference_mode_enabled()

    def alone() -> Result:
        _shared.set(True)
        with torch.inference_mode(inference), torch.no_grad():
            return work(item)

    # A context can be entered by one thread at a time.
    return _pool(torch.get_num_threads()).submit(copy_context().run, alone)


def spans(count: int) -> list[slice]:
    """``count`` things in order, cut into parts for `each`."""
    return even_spans(count, min(count, PARTS_EACH * torch.get_num_threads()))


def even_spans(count: int, parts: int) -> list[slice]:
    """``count`` things in order, cut into so many parts that differ by one thing at most."""
    edges = [count * part // parts for part in range(parts + 1)]
    return [slice(first, last) for first, last in pairwise(edges)]


def _pool(threads: int) -> ThreadPoolExecutor:
    # Two threads that ask at once must not both start one.
    with _starting:
        return _started(threads)


@lru_cache(maxsize=4)
def _started(threads: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(threads, "eg3d", initializer=_become_single)
    everyone = threading.Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(everyone.wait)
    everyone.wait()
    # Setting a thread's own number also sets the one that new threads begin with.
    torch.set_num_threads(threads)
    return pool


def _become_single() -> None:
    # A thread's first question for its number would overwrite one set before.
    torch.get_num_threads()
    torch.set_num_threads(1)


def _forget() -> None:
    """A forked process has the pools, but not their threads."""
    global _starting
    _starting = threading.Lock()
    _started.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
