"""How a running job is stopped: a file in its folder, which also reaches a job in another process."""

import contextlib
import os
from pathlib import Path

STOP = "stop"


def request_stop(folder: str | os.PathLike) -> None:
    """Ask the job that writes to this folder to stop and keep what it has."""
    with contextlib.suppress(OSError):
        (Path(folder) / STOP).touch()


def stop_requested(folder: str | os.PathLike) -> bool:
    """Whether a job should stop: each request counts once, and a folder that is gone always does."""
    folder = Path(folder)
    try:
        (folder / STOP).unlink()
    except FileNotFoundError:
        return not folder.is_dir()
    return True
