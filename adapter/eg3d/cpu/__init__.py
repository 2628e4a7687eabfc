"""Faster kernels for processors without a GPU, where memory traffic decides, and the one switch between both.

The model's functions are plain PyTorch, which says what is meant and runs everywhere. `accelerated` puts a kernel with
the same result, up to rounding, in front of such a function.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from torch import Tensor

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_plain: ContextVar[bool] = ContextVar("plain", default=False)


def accelerated(
    kernel: Callable[Arguments, Result | None],
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Decorate a plain function: ``kernel`` gets its arguments first, and returns None where it does not apply."""

    def decorate(plain: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        @wraps(plain)
        def dispatch(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
            result = kernel(*args, **options)
            return plain(*args, **options) if result is None else result

        return dispatch

    return decorate


def eligible(x: Tensor, sizes: Sequence[int] = (4,)) -> bool:
    """Whether kernels may work on ``x``: floats on the CPU of so many bytes each, outside of `plain_kernels`."""
    return x.device.type == "cpu" and x.is_floating_point() and x.itemsize in sizes and not _plain.get()


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Switch the kernels off inside this block: the reference of tests and benchmarks."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)
