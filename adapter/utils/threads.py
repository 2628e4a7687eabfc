"""How many threads compute, and how they wait; to be chosen before PyTorch is loaded."""

import os
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path

_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_COUNT = "OMP_NUM_THREADS"
_SPINS = 2000
"""Looks of a thread at what it waits for before it sleeps, some 30 microseconds; GNU's own number is 300,000."""


def choose_threads(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let OpenMP's threads sleep while they wait for each other, and start no more of them than there are cores.

    Threads that spin are a little faster where every thread has a core of its own. Where another process has one of the
    cores, they spin for a thread that this very spinning keeps from running. What the user chose is left as it is.

    Args:
        environment: variables that OpenMP reads when it is loaded; one that is blank counts as not chosen.
    """
    if not any(environment.get(name, "").strip() for name in _WAITING):
        environment["OMP_WAIT_POLICY"], environment["GOMP_SPINCOUNT"] = "passive", str(_SPINS)
    if not environment.get(_COUNT, "").strip():
        environment[_COUNT] = str(usable_cores())


def usable_cores() -> int:
    """Cores that this process may use: those that it is bound to, and no more than its cgroups' quota pays for."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota()
    return bound if quota is None else max(1, min(bound, int(quota)))


def too_many_threads(environment: MutableMapping[str, str] = os.environ) -> str | None:
    """A sentence for a user who chose more threads than there are cores; None for others."""
    chosen, cores = environment.get(_COUNT, "").partition(",")[0].strip(), usable_cores()
    if not chosen.isdecimal() or int(chosen) <= cores:
        return None
    return f"{_COUNT} is {chosen}, but {cores} can run at a time. The app is faster if you set {cores} or leave it out."


def cgroup_quota(own: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores' worth of time that the cgroups of this process may use; None where nothing limits it.

    Args:
        own: the list of the process's cgroups, of version 1 or 2.
        mount: where the cgroups are mounted. Inside of a container the mount may begin at the container's own group.
    """
    if sys.platform != "linux":
        return None
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    quotas: list[float] = []
    for _, controllers, group in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers == "" or "cpu" in controllers.split(","):
            quotas += _quotas(mount / ("cpu" if controllers else ""), Path(group.lstrip("/")))
    return min(quotas, default=None)


def _quotas(root: Path, group: Path) -> Iterator[float]:
    """Quotas of a group and of all groups around it."""
    for folder in [root / group, *(root / parent for parent in group.parents)]:
        try:
            if (folder / "cpu.max").exists():
                quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
            else:
                quota = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8")
                period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8")
            if quota != "max" and int(quota) > 0:
                yield int(quota) / int(period)
        except (OSError, ValueError):
            continue
