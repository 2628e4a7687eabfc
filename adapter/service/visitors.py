"""Who is here: what belongs to a visitor outlives the connection, and goes some minutes after the visitor."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter.hub.library import Entry
from adapter.service.background import Job
from adapter.service.job_queue import JobQueue
from adapter.service.sessions import Sessions

_TOKEN = re.compile(r"[0-9a-f]{64}")


@dataclass(eq=False)
class Visitor:
    """What belongs to one visitor.

    Args:
        key: of the folder, see `Sessions.folder`.
        seen: when the visitor last did something, by the clock of `Visitors`.
        page: id of the open page; empty for programs.
        watched: whether the page is connected.
        job: the latest one, and
        inversion: the latest one that looks for the person in a portrait.
        domains: the visitor's own.
        values: what stood in the controls when the latest job was started.
        uploads: files that arrived, as the server keeps them.
        person: whom Explore shows or is about to show, see `adapter.service.view_grid.identity`.
    """

    key: str
    seen: float = 0.0
    page: str = ""
    watched: bool = False
    job: Job | None = None
    inversion: Job | None = None
    domains: list[Entry] = field(default_factory=list)
    values: Mapping[Any, Any] = field(default_factory=dict)
    uploads: set[Path] = field(default_factory=set)
    person: str = ""


@dataclass
class Visitors:
    """All visitors of this process; safe to use from several threads.

    A page's id changes with every reload; the token that the browser keeps does not.

    Args:
        sessions: their folders.
        queue: of their adaptations.
        copy_of: where the server keeps its copy of a file that it has shown.
        grace: seconds for which everything is kept after a visitor left.
        clock: seconds that pass.
        films: queue of their videos and sheets that need no adaptation.
    """

    sessions: Sessions
    queue: JobQueue = field(default_factory=JobQueue)
    copy_of: Callable[[Path], Path] | None = None
    grace: float = 600.0
    clock: Callable[[], float] = time.monotonic
    films: JobQueue = field(default_factory=lambda: JobQueue(per_visitor=4))
    _visitors: dict[str, Visitor] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def attach(self, page: str, token: str, base: str = "") -> Visitor:
        """The visitor whose browser has this token is on this page now; without a usable token, somebody new.

        Args:
            page: id of the open page.
            token: of the browser.
            base: of the page, unless it is the first one; what belongs to a visitor is kept apart for each base.
        """
        with self._lock:
            self._keys[page] = f"token:{token}{base}" if _TOKEN.fullmatch(token or "") else f"page:{page}"
            visitor = self.of(page)
            visitor.page, visitor.watched = page, True
            return visitor

    def of(self, page: str) -> Visitor:
        """The visitor on a page, or a program's session; it counts as a sign of life."""
        with self._lock:
            key = self._keys.get(page, f"page:{page}")
            visitor = self._visitors.setdefault(key, Visitor(key))
            visitor.seen = self.clock()
            return visitor

    def folder(self, page: str) -> Path:
        """The folder of the visitor on a page."""
        return self.sessions.folder(self.of(page).key)

    def new_job(self, page: str) -> Path:
        """A fresh folder for a job of the visitor on a page."""
        return self.sessions.new_job(self.of(page).key)

    def leave(self, page: str) -> None:
        """A page was closed or lost its connection; a newer page of the same visitor is not touched by it."""
        with self._lock:
            visitor = self._visitors.get(self._keys.get(page, f"page:{page}"))
            if visitor is not None and visitor.page in ("", page):
                visitor.watched, visitor.seen = False, self.clock()

    def sweep(self) -> None:
        """Remove all that belongs to visitors who have left and were not seen since."""
        with self._lock:
            limit = self.clock() - self.grace
            gone = [one for one in self._visitors.values() if not one.watched and one.seen < limit]
            for visitor in gone:
                del self._visitors[visitor.key]
            keys = {visitor.key for visitor in gone}
            self._keys = {page: key for page, key in self._keys.items() if key not in keys}
        for visitor in gone:
            self._remove(visitor)

    def keep_swept(self, every: float = 30.0) -> None:
        """Sweep from time to time."""

        def sweeping() -> None:
            while True:
                time.sleep(every)
                self.sweep()

        threading.Thread(target=sweeping, daemon=True, name="visitors").start()

    def _remove(self, visitor: Visitor) -> None:
        for queue in (self.queue, self.films):
            queue.remove_session(visitor.key)
        copies = {self.copy_of(file) for file in self.sessions.files(visitor.key)} if self.copy_of else set()
        self.sessions.remove(visitor.key)
        others = {(file.name, file.stat().st_size) for file in self.sessions.files()}
        with self._lock:
            uploads = visitor.uploads - {path for other in self._visitors.values() for path in other.uploads}
        # The server keeps one copy of equal files of several visitors.
        alone = {copy for copy in copies if copy.is_file() and (copy.name, copy.stat().st_size) not in others}
        for path in uploads | alone:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()
