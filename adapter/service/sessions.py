"""Folders of visitors: one each, under a name that nobody can guess, gone when the visitor is."""

import atexit
import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Sessions:
    """Where the files of visitors lie.

    Args:
        root: a folder of this process alone.
        secret: mixed into the folders' names, so that knowing a session's id does not tell its folder.
        lifetime: seconds after which a job's folder may be removed.
        ceiling: bytes of all jobs together, above which the oldest ones go.
    """

    root: Path
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    lifetime: float = 3600.0
    ceiling: int = 5 << 30

    @classmethod
    def temporary(cls) -> "Sessions":
        """Sessions in a new private folder, which goes when the process ends; those of killed processes go now."""
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            if not _alive(left):
                shutil.rmtree(left, ignore_errors=True)
        root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        (root / _PID).write_text(str(os.getpid()))
        atexit.register(shutil.rmtree, root, ignore_errors=True)
        return cls(root)

    def folder(self, session: str) -> Path:
        """The folder of a session, whatever characters its id has; made where it is missing."""
        name = hashlib.sha256(self.secret + session.encode()).hexdigest()[:32]
        folder = self.root / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def new_job(self, session: str) -> Path:
        """A fresh folder for one job of a session; folders past their lifetime are removed on the way."""
        self.sweep()
        folder = self.folder(session) / f"job-{secrets.token_hex(4)}"
        folder.mkdir()
        return folder

    def remove(self, session: str) -> None:
        """Remove everything of a session; a job that still runs there notices and ends."""
        shutil.rmtree(self.folder(session), ignore_errors=True)

    def sweep(self) -> None:
        """Remove jobs older than a lifetime, sessions in which nothing began since, and the oldest over the ceiling."""
        limit = time.time() - self.lifetime
        folders = [*self.root.glob("*"), *self.root.glob("*/job-*")]
        for folder in [folder for folder in folders if folder.is_dir() and _changed(folder) < limit]:
            shutil.rmtree(folder, ignore_errors=True)
        jobs = sorted(self.root.glob("*/job-*"), key=_changed)
        sizes = {job: _bytes(job) for job in jobs}
        total = sum(sizes.values())
        for job in jobs[:-1]:
            if total <= self.ceiling:
                break
            shutil.rmtree(job, ignore_errors=True)
            total -= sizes[job]


_PREFIX, _PID = "adapter-sessions-", "pid"


def _alive(folder: Path) -> bool:
    """Whether the process that made a folder of sessions still runs; where that is unknown, it is left alone."""
    try:
        os.kill(int((folder / _PID).read_text()), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return True


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total
