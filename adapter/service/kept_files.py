"""Files that strangers bring: refused where too large, and kept in the visitor's folder."""

import os
import secrets
import shutil
from pathlib import Path

from adapter.errors import UserError
from adapter.utils.atomic import replacing

MAXIMUM_BYTES = 64 << 20
"""Of a domain: a whole generator of FFHQ512 has 61 MB in half precision."""


def arrived(path: str | os.PathLike, noun: str) -> Path:
    """The path of an upload that is there and not too large for what it should be, such as "domain".

    Raises:
        UserError: it is not.
    """
    given = Path(path)
    try:
        size = given.stat().st_size
    except OSError as error:
        raise UserError("The file did not arrive. Upload it again.") from error
    if size > MAXIMUM_BYTES:
        raise UserError(f"This file is too large for a {noun}: the largest ones have {MAXIMUM_BYTES >> 20} MB.")
    return given


def keep(given: Path, folder: Path, noun: str) -> Path:
    """Copy an upload that was checked into a visitor's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{noun}-{secrets.token_hex(4)}.safetensors"
    with replacing(kept) as temporary:
        shutil.copyfile(given, temporary)
    return kept
