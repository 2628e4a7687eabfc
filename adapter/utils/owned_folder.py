"""A temporary folder that belongs to a living process, known by a lock that the system releases when the process ends.

A process's number would not do: in a container it is always 1, and in another container it names another process.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"
_DAY = 86_400.0


@dataclass(frozen=True)
class OwnedFolder:
    """A private folder, made by `create`; it goes with the process.

    Args:
        path: of the folder.
        lock: its locked file, held open; None where the system has no such locks.
        process: number of the process that made the folder, which a fork of it may not remove.
    """

    path: Path
    lock: BinaryIO | None = field(repr=False)
    process: int = field(default_factory=os.getpid)

    @classmethod
    def create(cls, prefix: str) -> "OwnedFolder":
        """Make a folder in the temporary folder, and remove those of the same prefix whose processes are gone.

        Raises:
            OSError: no folder can be made.
        """
        for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            if _is_abandoned(left):
                shutil.rmtree(left, ignore_errors=True)
        path = Path(tempfile.mkdtemp(prefix=prefix))
        folder = cls(path, _locked(path))
        atexit.register(folder.remove)
        return folder

    def remove(self) -> None:
        """Remove the folder and all that is in it, even while threads still write there."""
        if os.getpid() == self.process:
            for _ in range(3):
                shutil.rmtree(self.path, ignore_errors=True)


def _locked(folder: Path) -> BinaryIO | None:
    if fcntl is None:
        return None
    unlocked = folder / f"{LOCK}.new"
    file = unlocked.open("wb")
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unlocked.rename(folder / LOCK)  # under this name no process ever finds it unlocked
    return file


def _is_abandoned(folder: Path) -> bool:
    """Whether a folder's process is gone; one without a lock, as older versions made them, after a day."""
    try:
        if not (folder / LOCK).exists():
            return fcntl is not None and time.time() - folder.stat().st_mtime > _DAY
        handle = os.open(folder / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:  # gone meanwhile, or another user's
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
