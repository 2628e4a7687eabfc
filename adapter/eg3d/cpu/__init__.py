"""Which way of computing is taken: the plain one, or a faster one with the same result up to rounding.

Plain code says what is meant and runs everywhere. Faster code serves processors without a GPU, where memory traffic
decides; it takes over by itself wherever its conditions hold.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

_plain: ContextVar[bool] = ContextVar("plain", default=False)


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Inside this block everything is computed the plain way: the reference of tests and benchmarks."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def fast(x: Tensor) -> bool:
    """Whether the faster ways may be taken for ``x``: a float32 tensor on the CPU, and no `plain_kernels` around."""
    return x.device.type == "cpu" and x.is_floating_point() and x.itemsize == 4 and not _plain.get()
