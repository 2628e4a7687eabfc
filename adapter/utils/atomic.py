"""Files that appear complete or not at all. Loads nothing, so that the page can use it before torch is there."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes the name `path` when the block ends well.

    The temporary file is removed when the block raises. Missing folders are created.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(6)}{path.suffix}")
    temporary.touch()
    mode = temporary.stat().st_mode  # writers that make their own file, as safetensors does, leave it at 0600
    try:
        yield temporary
        temporary.chmod(mode)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
