"""The domains that visitors find ready, and the ones that they bring."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import constants

from adapter.errors import UserError
from adapter.hub.bases import encoder_of
from adapter.hub.domains import fetch_ready_domain, ready_domain
from adapter.hub.download import Progress, fetch, ready
from adapter.hub.library import BASE, DOMAIN, Entry, catalog
from adapter.service.kept_files import arrived, keep
from adapter.service.settings import Settings
from adapter.utils.accelerator import has_gpu

if TYPE_CHECKING:
    from adapter.adaptation import DomainMetadata


def bases(settings: Settings) -> tuple[Entry, ...]:
    """The bases that visitors can choose: embedded ones, those that were fetched, and, where a GPU is, all of the Hub.

    The base that the app was started with is always among them, also if the library does not list it.
    """
    listed = catalog(settings.library).bases
    fetchable = has_gpu() and not constants.is_offline_mode()
    names = {settings.base, *(entry.name for entry in listed if ready(entry) is not None)}
    names |= {entry.name for entry in listed if fetchable and not entry.same_as}
    chosen = tuple(entry for entry in listed if entry.name in names)
    if any(entry.name == settings.base for entry in chosen):
        return chosen
    own = Entry(settings.base, Path(settings.base).name, BASE, licence="", encoder=settings.encoder)
    return (own, *chosen)


def with_base(settings: Settings, name: str) -> Settings:
    """The settings of a visitor who has chosen a base.

    Raises:
        UserError: it is none of `bases`.
    """
    if not name or name == settings.base:
        return settings
    if name not in {entry.name for entry in bases(settings)}:
        raise UserError(f"The base '{name}' is not here. Choose another one.")
    return settings.model_copy(update={"base": name, "encoder": encoder_of(name, catalog(settings.library))})


def base_of(entry: Entry, settings: Settings) -> str:
    """The base that visitors choose for a domain: its own, or another source of the same that is here.

    Raises:
        UserError: it is not here.
    """
    for base in bases(settings):
        if entry.base in (base.name, base.same_as):
            return base.name
    raise UserError(
        f"{entry.title} belongs to the base {entry.base}, which is not here. Set BASE to it, on a machine with a GPU."
    )


def require_base(settings: Settings) -> None:
    """Check that the base of the settings is on this machine, so that no job has to wait for it.

    Raises:
        UserError: it is not, or not yet.
    """
    entry = catalog(settings.library).find(settings.base, BASE)
    if entry is not None and ready(entry) is None:
        raise UserError(f"{entry.title} is not here yet. It is fetched when its page opens: try again in a minute.")


def fetch_base(settings: Settings, progress: Progress | None = None) -> None:
    """Bring the base of the settings to this machine, so that no job waits for it.

    Raises:
        UserError: it cannot be fetched.
    """
    entry = catalog(settings.library).find(settings.base, BASE)
    if entry is not None:
        fetch(entry, progress)


def ready_domains(settings: Settings) -> tuple[Entry, ...]:
    """The domains of the library, those of the chosen base first."""
    own = usable_domains(settings)
    return (*own, *(entry for entry in catalog(settings.library).domains if entry not in own))


def usable_domains(settings: Settings) -> tuple[Entry, ...]:
    """The ready domains of the chosen base."""
    return catalog(settings.library).domains_of(settings.base)


def find(name: str, settings: Settings) -> Entry:
    """The ready domain of that name.

    Raises:
        UserError: there is none.
    """
    return catalog(settings.library).domain(name)


def is_local(entry: Entry, settings: Settings) -> bool:
    """Whether an entry's file is here already."""
    return ready_domain(entry, library=catalog(settings.library)) is not None


def local(entry: Entry, settings: Settings, progress: Progress | None = None) -> Path:
    """The path of an entry's file, fetched and converted if need be.

    Raises:
        UserError: it cannot be fetched.
    """
    return fetch_ready_domain(entry, progress, library=catalog(settings.library))


def accept(path: str | os.PathLike, folder: Path, settings: Settings, title: str = "") -> Entry:
    """Check a domain file from a stranger and keep a copy.

    Args:
        path: the upload.
        folder: of the visitor, for the copy.
        title: its name on the page; made from the file's name where empty.

    Raises:
        UserError: too large, no domain file, damaged, or made for another base.
    """
    given = arrived(path, "domain")
    from adapter.adaptation import Domain  # loads torch, when the page is already up
    from adapter.service import models

    domain = Domain.load(given)
    domain.apply(models.resting_generator(settings.base, str(settings.library)))
    kept = keep(given, folder, "domain")
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
    source = f"from the words “{about.prompt}”" if about.prompt else "from a picture"
    converted = about.settings.get("converted_from")
    return Entry(
        "-".join((*path.parts[-3:-1], path.stem)),
        title,
        DOMAIN,
        about.license,
        about.base,
        path,
        preview=None if preview is None else Path(preview),
        alt=f"A face in the world {title}",
        note=f"A whole generator, from {converted}." if converted else f"Made by {about.method} {source}.",
    )


def _title(stem: str) -> str:
    words = re.sub(r"\W+|_+", " ", stem).strip() or "Domain"
    return words[:40].capitalize()
