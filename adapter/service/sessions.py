"""Folders of visitors: one each, under a name that nobody can guess, gone when the visitor is."""

import atexit
import hashlib
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
    """

    root: Path
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    lifetime: float = 3600.0

    @classmethod
    def temporary(cls) -> "Sessions":
        """Sessions in a new private folder, which is removed when the process ends."""
        root = Path(tempfile.mkdtemp(prefix="adapter-sessions-"))
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
        """Remove folders of jobs older than a lifetime, and of sessions in which nothing began since."""
        limit = time.time() - self.lifetime
        folders = [*self.root.glob("*"), *self.root.glob("*/job-*")]
        for folder in [folder for folder in folders if folder.is_dir() and folder.stat().st_mtime < limit]:
            shutil.rmtree(folder, ignore_errors=True)
