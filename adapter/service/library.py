"""The domains that visitors find ready, and the ones that they bring."""

import functools
import os
import re
import secrets
import shutil
from pathlib import Path

from adapter.errors import UserError
from adapter.hub.download import Progress, fetch
from adapter.hub.library import DOMAIN, Entry
from adapter.methods.offers import BASE
from adapter.service.catalogue import catalogue

MAXIMUM_BYTES = 64 << 20


@functools.cache
def ready_domains() -> tuple[Entry, ...]:
    """The domains of the library, those of the running base first."""
    return tuple(sorted(catalogue().domains, key=lambda entry: entry.base != BASE))


def usable_domains() -> tuple[Entry, ...]:
    """The ready domains of the running base."""
    return tuple(entry for entry in ready_domains() if entry.base == BASE)


def find(name: str) -> Entry:
    """The ready domain of that name.

    Raises:
        UserError: there is none.
    """
    for entry in ready_domains():
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in ready_domains()) or "none yet"
    raise UserError(f"There is no ready domain named {name!r}. There are: {known}.")


def local(entry: Entry, progress: Progress | None = None) -> Path:
    """Where the file of an entry lies, fetched if need be.

    Raises:
        UserError: it cannot be had.
    """
    return entry.path if entry.path is not None else fetch(entry, progress)


def accept(path: str | os.PathLike, folder: Path, title: str = "") -> Entry:
    """Take in a domain file from a stranger.

    Args:
        path: the upload.
        folder: of the visitor; a copy is kept there.
        title: how to call it; the file's own name where empty.

    Raises:
        UserError: too large, no domain file, damaged, or made for a base that is not loaded here.
    """
    given = Path(path)
    try:
        size = given.stat().st_size
    except OSError as error:
        raise UserError("The file did not arrive. Upload it again.") from error
    if size > MAXIMUM_BYTES:
        raise UserError("This file is too large for a domain; the largest ones have a few megabytes.")
    from adapter.adaptation import Domain  # loads torch, when the page is already up
    from adapter.service import models
    from adapter.utils.atomic import replacing

    Domain.load(given).apply(models.resting_generator(BASE))
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"domain-{secrets.token_hex(4)}.safetensors"
    with replacing(kept) as temporary:
        shutil.copyfile(given, temporary)
    return own(kept, title or _words(given.stem))


def own(path: str | os.PathLike, title: str, preview: str | None = None) -> Entry:
    """A visitor's own domain as an entry.

    Args:
        path, preview: of its file and of a picture of it.

    Raises:
        UserError: the file is gone or damaged.
    """
    from adapter.adaptation import Domain

    about = Domain.load(path).metadata
    note = f"Made by {about.method}" + (f" from the words “{about.prompt}”." if about.prompt else " from a picture.")
    return Entry(
        "-".join((*Path(path).parts[-3:-1], Path(path).stem)),
        title,
        DOMAIN,
        about.licence,
        about.base,
        Path(path),
        preview=None if preview is None else Path(preview),
        alt=f"A face in the world {title}",
        note=note,
    )


def _words(stem: str) -> str:
    words = re.sub(r"\W+|_+", " ", stem).strip() or "Domain"
    return words[:40].capitalize()
