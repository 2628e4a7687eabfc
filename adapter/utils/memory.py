"""Memory between jobs, and between the operations of one."""

import ctypes
import gc
import os
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # parameters of glibc's mallopt, from malloc.h
_KEPT = 1 << 30


def keep_freed() -> None:
    """Let glibc use freed memory again, up to a gigabyte, instead of handing it back after every operation.

    By default each large tensor is mapped anew, and the system clears it page by page, which takes a fifth of the time
    of super-resolution. What the user has set by ``MALLOC_...`` or ``GLIBC_TUNABLES`` is left as it is.
    """
    if sys.platform != "linux" or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_MAX, 0)
        set_option(_TRIM_THRESHOLD, _KEPT)


def release() -> None:
    """Hand what a job has freed back to the system; glibc would keep it, and a long-lived app would only grow."""
    gc.collect()
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # other C libraries have none
        trim(0)
