"""Names of the files that a visitor downloads: after style, seed and time, so that none overwrites another."""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from adapter.utils.atomic import replacing

_LONGEST = 40


def named(path: str | os.PathLike, style: str, seed: int) -> Path:
    """The same file under a name that tells what it is, beside it; made where it is missing.

    Args:
        path: the file; the time in the name is when it was written.
        style: in any words.
        seed: of the adaptation, or of the person.

    Returns:
        Such as ``a-bronze-statue-seed-0-20240131-093000-orbit.mp4``.
    """
    path = Path(path)
    written = time.strftime("%Y%m%d-%H%M%S", time.localtime(path.stat().st_mtime))
    words = re.sub(r"[\W_]+", "-", style.lower()).strip("-")[:_LONGEST].strip("-") or "style"
    there = path.with_name(f"{words}-seed-{seed}-{written}-{path.name}")
    if not there.exists():
        with contextlib.suppress(OSError):
            os.link(path, there)
    if not there.exists():
        with replacing(there) as temporary:
            shutil.copyfile(path, temporary)
    return there
