"""Folders of visitors: one each, under a name that nobody can guess, gone when the visitor is."""

import contextlib
import hashlib
import os
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from adapter.utils.owned_folder import OwnedFolder


@dataclass(frozen=True)
class Sessions:
    """Where the files of visitors lie.

    Args:
        root: a folder of this process alone.
        secret: mixed into the folders' names, so that knowing a session's id does not tell its folder.
        lifetime: seconds after which a job's folder may be removed.
        ceiling: bytes of all jobs together, above which the oldest ones go.
        owner: holds the root for this process, if it is temporary.
    """

    root: Path
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    lifetime: float = 3600.0
    ceiling: int = 5 << 30
    owner: OwnedFolder | None = field(default=None, repr=False)

    @classmethod
    def temporary(cls) -> "Sessions":
        """Sessions in a new private folder, which goes when the process ends; those of killed processes go now."""
        owner = OwnedFolder.create(_PREFIX)
        return cls(owner.path, owner=owner)

    def close(self) -> None:
        """Remove the whole folder if it is `temporary`."""
        if self.owner is not None:
            self.owner.remove()

    @property
    def uploads(self) -> Path:
        """Where Gradio may keep what arrives; it sweeps that folder by itself."""
        return self.root / _UPLOADS

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

    def files(self, session: str | None = None) -> list[Path]:
        """All files of a session, or of all sessions."""
        folders = [folder for folder in self.root.glob("*") if folder.is_dir() and folder != self.uploads]
        roots = folders if session is None else [self.folder(session)]
        return [path for root in roots for path in root.rglob("*") if path.is_file()]

    def remove(self, session: str) -> None:
        """Remove everything of a session; a job that still runs there notices and ends."""
        shutil.rmtree(self.folder(session), ignore_errors=True)

    def sweep(self) -> None:
        """Remove what is older than a lifetime, and the oldest jobs and files over the ceiling."""
        limit = time.time() - self.lifetime
        sessions = [folder for folder in self.root.glob("*") if folder.is_dir() and folder != self.uploads]
        idle = [session for session in sessions if _changed(session) < limit]
        kept = sorted((item for session in sessions for item in session.glob("*")), key=_changed)
        sizes = {item: _bytes(item) for item in kept}
        total = sum(sizes.values())
        for item in kept:
            if _changed(item) >= limit and (total <= self.ceiling or item == kept[-1]):
                break
            _remove(item)
            total -= sizes[item]
        for session in idle:
            if not any(session.iterdir()):
                _remove(session)

    def keep_swept(self, every: float = 600.0) -> None:
        """Sweep from time to time, also while nobody comes."""

        def sweeping() -> None:
            while True:
                time.sleep(every)
                with contextlib.suppress(OSError):
                    os.utime(self.root)  # young, for those who remove what is old and know no locks
                self.sweep()

        threading.Thread(target=sweeping, daemon=True).start()


_PREFIX, _UPLOADS = "adapter-sessions-", "uploads"


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _remove(item: Path) -> None:
    if item.is_dir():
        shutil.rmtree(item, ignore_errors=True)
    else:
        item.unlink(missing_ok=True)


def _bytes(item: Path) -> int:
    total = 0
    for path in [item, *item.rglob("*")]:
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
