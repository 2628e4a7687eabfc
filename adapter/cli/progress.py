"""The progress line of every command."""

import math
import sys
import time
from collections.abc import Iterator

from adapter.service.requests import Update

SECONDS_BETWEEN_UPDATES = 0.2


class ProgressLine:
    """A line on stderr that is replaced in a terminal, and repeated now and then in a log.

    Args:
        log_seconds: between two lines of a log; by default a log gets forced lines only.
    """

    def __init__(self, log_seconds: float = math.inf) -> None:
        self.terminal = sys.stderr.isatty()
        self.pause = SECONDS_BETWEEN_UPDATES if self.terminal else log_seconds
        self._next = -math.inf if self.pause < math.inf else math.inf

    def show(self, text: str, force: bool = False) -> None:
        """Show a line, unless the last one is too recent and this one is not forced."""
        now = time.monotonic()
        if not force and now < self._next:
            return
        self._next = now + self.pause
        if self.terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line from a terminal."""
        if self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def follow(updates: Iterator[Update]) -> Update:
    """Show how a job goes on; returns its last update, whose files are ready."""
    line, update = ProgressLine(), Update("")
    for update in updates:
        count = f" {update.step}/{update.total}" if update.total else ""
        left = f", about {update.seconds_left:.0f} s left" if update.seconds_left is not None else ""
        line.show(f"[{100 * update.fraction:3.0f} %] {update.stage}{count}{left}", force=update.preview is not None)
    line.clear()
    return update
