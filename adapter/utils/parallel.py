"""Threads that each compute a whole item alone.

PyTorch splits each operation among its threads and waits for the slowest of them, which costs small operations most of
the gain. On a CPU it is faster to give each thread an item of its own.
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

AHEAD = 2
"""Items per thread that `stream` has in progress, so that a slow one does not idle the other threads."""

_in_worker: ContextVar[bool] = ContextVar("in_worker", default=False)
_pool_lock = threading.Lock()


def each(work: Callable[[Item], Result], items: Sequence[Item], device: torch.device | None = None) -> list[Result]:
    """Results of ``work`` for every item, in order, computed by `torch.get_num_threads` threads.

    With gradients enabled, on another device than the CPU, and inside of another `each`, the calling thread computes
    everything. Results do not depend on the number of threads unless the kernels that ``work`` calls do.

    Args:
        device: that computes; the CPU where None.
    """
    on_cpu = device is None or device.type == "cpu"
    if len(items) < 2 or not on_cpu or torch.is_grad_enabled() or not _has_threads():
        return [work(item) for item in items]
    return [job.result() for job in [_start(work, item) for item in items]]


def stream(work: Callable[[Item], Result], items: Iterable[Item], device: torch.device) -> Iterator[Result]:
    """Yield results of ``work`` for every item, in order, without gradients; on a CPU several at once as in `each`."""
    if device.type != "cpu" or not _has_threads():
        for item in items:
            # The consumer's code runs between items and may need gradients.
            with torch.no_grad():
                result = work(item)
            yield result
        return
    jobs: deque[Future[Result]] = deque()
    try:
        for item in items:
            jobs.append(_start(work, item))
            if len(jobs) == AHEAD * torch.get_num_threads():
                yield jobs.popleft().result()
        while jobs:
            yield jobs.popleft().result()
    finally:
        for job in jobs:
            job.cancel()


def even_spans(count: int, parts: int) -> list[slice]:
    """Slices that divide ``count`` things in order into ``parts`` whose sizes differ by one at most."""
    edges = [count * part // parts for part in range(parts + 1)]
    return [slice(first, last) for first, last in pairwise(edges)]


def _has_threads() -> bool:
    return torch.get_num_threads() > 1 and not _in_worker.get()


def _start(work: Callable[[Item], Result], item: Item) -> Future[Result]:
    inference = torch.is_inference_mode_enabled()

    def run() -> Result:
        _in_worker.set(True)
        with torch.inference_mode(inference), torch.no_grad():
            return work(item)

    # One copy per item, because only one thread at a time can enter a context.
    context = copy_context()
    # Without the lock two callers could start two pools.
    with _pool_lock:
        return _pool(torch.get_num_threads()).submit(context.run, run)


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(threads, "eg3d", initializer=_use_one_thread)
    # The barrier makes the pool start all of its threads now.
    barrier = threading.Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(barrier.wait)
    barrier.wait()
    # A thread that sets its own number also sets the default of new threads.
    torch.set_num_threads(threads)
    return pool


def _use_one_thread() -> None:
    # The first get in a thread overwrites a number set before.
    torch.get_num_threads()
    torch.set_num_threads(1)


def _reset_after_fork() -> None:
    """A forked process inherits the pools, but not their threads."""
    global _pool_lock
    _pool_lock = threading.Lock()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
