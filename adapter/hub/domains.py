"""Ready domains: embedded, domain files on the Hub, and whole generators that become domains of their base once."""

from pathlib import Path
from typing import TYPE_CHECKING

from adapter.errors import UserError
from adapter.hub.bases import load_base
from adapter.hub.download import (
    DOWNLOAD_SHARE,
    Progress,
    after_download,
    cached,
    content_of,
    download,
    fetch,
    ready,
    unwritable,
)
from adapter.hub.library import Entry, Library, catalog
from adapter.hub.remote import Remote

if TYPE_CHECKING:
    from adapter.eg3d import Generator


def fetch_ready_domain(
    entry: Entry, progress: Progress | None = None, remote: Remote | None = None, library: Library | None = None
) -> Path:
    """The domain file of an entry of the library.

    A whole generator is downloaded with its base, and kept as what it changes in this base; after that, neither the
    network nor its file is needed.

    Args:
        entry: a domain.
        progress: is told the share done, 0 to 1, and what is being done; what it raises ends the work.
        remote: Hub and cache, the usual ones by default.
        library: that names the base, the one that ships by default.

    Raises:
        UserError: it cannot be had, it is not what the library says, or it is of another family than its base.
    """
    if not entry.is_whole_generator:
        return fetch(entry, progress, remote)
    library, remote = library or catalog(), remote or Remote()
    report = progress or (lambda share, text: None)
    found = ready_domain(entry, remote, library)
    if found is None:
        base = library.base(entry.base)
        generator = load_base(
            base.name, lambda share, text: report(0.5 * DOWNLOAD_SHARE * share, text), remote, library
        )
        half = 0.0 if base.path is not None else 0.5
        file = download(entry, lambda share, text: report(DOWNLOAD_SHARE * (half + (1 - half) * share), text), remote)
        found = _path(entry, base, file, remote)
        _convert(entry, base, generator, file, found, report)
    report(1.0, "Ready")
    return found


def ready_domain(entry: Entry, remote: Remote | None = None, library: Library | None = None) -> Path | None:
    """What `fetch_ready_domain` would give without asking the Hub; None where something must be fetched."""
    if not entry.is_whole_generator:
        return ready(entry, remote)
    remote, library = remote or Remote(), library or catalog()
    base, file = library.base(entry.base), cached(entry, remote)
    if (file is None and entry.sha256 is None) or (base.path is None and ready(base, remote) is None):
        return None
    found = _path(entry, base, file, remote)
    return found if found.is_file() else None


def _path(entry: Entry, base: Entry, file: Path | None, remote: Remote) -> Path:
    """Where the converted domain lies: named after its own content and its base's."""
    of_base = content_of(base, None if base.path is not None else cached(base, remote))
    return remote.converted / f"{entry.name}-{content_of(entry, file)}-{of_base[:8]}.safetensors"


def _convert(entry: Entry, base: Entry, generator: "Generator", file: Path, path: Path, report: Progress) -> None:
    from adapter.hub.convert import convert_domain  # loads torch

    try:
        convert_domain(file, generator, path, after_download(report), base_name=base.name, license=entry.licence)
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            raise unwritable(entry.title, path.parent, error.__cause__) from error
        raise
