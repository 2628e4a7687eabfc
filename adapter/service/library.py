"""The domains that visitors find ready, and the ones that they bring."""

import os
import re
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.errors import UserError
from adapter.hub.download import Progress, fetch
from adapter.hub.library import DOMAIN, Entry, catalog
from adapter.service.settings import Settings
from adapter.utils.atomic import replacing

if TYPE_CHECKING:
    from adapter.adaptation import DomainMetadata

MAXIMUM_BYTES = 64 << 20


def ready_domains(settings: Settings) -> tuple[Entry, ...]:
    """The domains of the library, those of the running base first."""
    return tuple(sorted(catalog(settings.library).domains, key=lambda entry: entry.base != settings.base))


def usable_domains(settings: Settings) -> tuple[Entry, ...]:
    """The ready domains of the running base."""
    return catalog(settings.library).domains_of(settings.base)


def find(name: str, settings: Settings) -> Entry:
    """The ready domain of that name.

    Raises:
        UserError: there is none.
    """
    return catalog(settings.library).domain(name)


def local(entry: Entry, progress: Progress | None = None) -> Path:
    """The path of an entry's file, fetched if need be.

    Raises:
        UserError: it cannot be fetched.
    """
    return entry.path if entry.path is not None else fetch(entry, progress)


def accept(path: str | os.PathLike, folder: Path, settings: Settings, title: str = "") -> Entry:
    """Check a domain file from a stranger and keep a copy.

    Args:
        path: the upload.
        folder: of the visitor, for the copy.
        title: its name on the page; made from the file's name where empty.

    Raises:
        UserError: too large, no domain file, damaged, or made for another base.
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

    domain = Domain.load(given)
    domain.apply(models.resting_generator(settings.base, str(settings.library)))
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"domain-{secrets.token_hex(4)}.safetensors"
    with replacing(kept) as temporary:
        shutil.copyfile(given, temporary)
    return _entry(kept, domain.metadata, title or _title(given.stem))


def own(path: str | os.PathLike, title: str, preview: str | None = None) -> Entry:
    """A visitor's own domain as an entry.

    Args:
        path, preview: of its file and of a picture of it.

    Raises:
        UserError: the file is gone or damaged.
    """
    from adapter.adaptation import Domain

    return _entry(Path(path), Domain.load(path).metadata, title, preview)


def _entry(path: Path, about: "DomainMetadata", title: str, preview: str | None = None) -> Entry:
    return Entry(
        "-".join((*path.parts[-3:-1], path.stem)),
        title,
        DOMAIN,
        about.license,
        about.base,
        path,
        preview=None if preview is None else Path(preview),
        alt=f"A face in the world {title}",
        note=f"Made by {about.method}" + (f" from the words “{about.prompt}”." if about.prompt else " from a picture."),
    )


def _title(stem: str) -> str:
    words = re.sub(r"\W+|_+", " ", stem).strip() or "Domain"
    return words[:40].capitalize()
