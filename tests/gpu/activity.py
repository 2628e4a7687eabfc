"""What happened on the pretend device: operations, synchronizations of the host, threads, work and memory."""

import os
import sys
import threading
import weakref
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

PROJECT = str(Path(__file__).parents[2])
CODE = os.path.join(PROJECT, "adapter")


@dataclass
class Activity:
    """Counts since the last `reset`.

    Attributes:
        operations: by name, without views.
        synchronizations: by (what the host waited for, the project's line).
        threads: operations by the thread that asked for them.
        work: (bytes moved, floating-point operations) of each operation, in order.
        live, peak: bytes of tensors on the device now, and at most.
    """

    operations: Counter[str] = field(default_factory=Counter)
    synchronizations: Counter[tuple[str, str]] = field(default_factory=Counter)
    threads: Counter[str] = field(default_factory=Counter)
    work: list[tuple[int, int]] = field(default_factory=list)
    live: int = 0
    peak: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    _holders: Counter[int] = field(default_factory=Counter)

    def reset(self) -> None:
        """Count anew; what is alive stays."""
        with self.lock:
            for counts in (self.operations, self.synchronizations, self.threads, self.work):
                counts.clear()
            self.peak = self.live

    def operation(self, name: str, moved: int = 0, flops: int = 0) -> None:
        """Note an operation."""
        with self.lock:
            self.operations[name] += 1
            self.threads[threading.current_thread().name] += 1
            self.work.append((moved, flops))

    def synchronization(self, what: str) -> None:
        """Note that the host waits."""
        with self.lock:
            self.synchronizations[what, project_line()] += 1

    def allocation(self, holder: Tensor, held: Tensor) -> None:
        """Note that a tensor of the device keeps the data of another one alive, until it is gone itself."""
        storage = held.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        with self.lock:
            self._holders[key] += 1
            if self._holders[key] == 1:
                self.live += size
                self.peak = max(self.peak, self.live)
        weakref.finalize(holder, self._release, key, size).atexit = False

    def _release(self, key: int, size: int) -> None:
        with self.lock:
            self._holders[key] -= 1
            if not self._holders[key]:
                del self._holders[key]
                self.live -= size

    @property
    def count(self) -> int:
        """Operations."""
        return sum(self.operations.values())

    @property
    def waits(self) -> int:
        """Synchronizations."""
        return sum(self.synchronizations.values())

    @property
    def helpers(self) -> list[str]:
        """CPU helper threads that asked for operations."""
        return sorted(name for name in self.threads if name.startswith("eg3d"))

    def summary(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "operations": self.count,
            "waits": self.waits,
            "waited for": sorted(
                f"{count} x {what} at {line}" for (what, line), count in self.synchronizations.items()
            ),
            "helpers": self.helpers,
            "gigabytes": sum(moved for moved, _ in self.work) / 1e9,
            "gigaflops": sum(flops for _, flops in self.work) / 1e9,
            "peak": self.peak / 2**30,
        }


def project_line() -> str:
    """The innermost line of the project's own code, or the autograd node that runs."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(CODE):
            return f"{os.path.relpath(frame.f_code.co_filename, PROJECT)}:{frame.f_lineno}"
        frame = frame.f_back
    node = torch._C._current_autograd_node()
    return "?" if node is None else f"backward of {node.name()}"
