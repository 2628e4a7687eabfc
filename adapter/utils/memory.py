"""Memory between jobs."""

import ctypes
import gc
import sys


def release() -> None:
    """Hand what a job has freed back to the system; glibc would keep it, and a long-lived app would only grow."""
    gc.collect()
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # other C libraries have none
        trim(0)
