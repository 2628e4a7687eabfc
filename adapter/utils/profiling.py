"""What a piece of work costs: seconds and memory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from adapter.utils.memory import release

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Cost:
    """Filled when the measured block ends.

    Attributes:
        seconds: wall time.
        peak_bytes: most memory held at once: by tensors on the GPU, or else by the whole process; None where the
            system does not tell.
    """

    seconds: float = 0.0
    peak_bytes: int | None = None


@contextmanager
def measured(device: torch.device) -> Iterator[Cost]:
    """Measure a block that works on a device."""
    cost = Cost()
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    known = on_gpu or _forget_peak()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        if on_gpu:
            torch.cuda.synchronize(device)
        cost.seconds = time.perf_counter() - start
        if known:
            cost.peak_bytes = torch.cuda.max_memory_allocated(device) if on_gpu else _peak()


def _forget_peak() -> bool:
    """Let Linux count the peak of this process anew, without what earlier work has freed; whether that worked."""
    release()
    try:
        _RESET.write_text("5")
    except OSError:
        return False
    return _peak() is not None


def _peak() -> int | None:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
