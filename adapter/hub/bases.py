"""Which base this machine uses, and how any base is loaded by name."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.errors import UserError
from adapter.hub.download import WEIGHTS, Progress, fetch, reachable, ready
from adapter.hub.library import BASE, Entry, Library, catalog
from adapter.hub.remote import Remote
from adapter.utils.accelerator import has_gpu

if TYPE_CHECKING:
    from adapter.eg3d import Eg3d

EMBEDDED, LARGE = "faces", "ffhq512"
RULER = "heads"
"""The base whose true shapes and styles are known, which `evaluate` measures by default."""
EMBEDDED_ENCODER = "clip-heads"


@dataclass(frozen=True)
class Choice:
    """What the app works with.

    Args:
        base: name of the generator.
        encoder: name of the CLIP that goes with it.
        reason: why, as a sentence for the user.
    """

    base: str
    encoder: str
    reason: str


def choose_base(environment: Mapping[str, str] = os.environ, remote: Remote | None = None) -> Choice:
    """Choose by the variables ``BASE`` and ``ENCODER``, else by what is there. Downloads nothing.

    ``BASE`` is a name in the library, a folder, or a Hub repository id. By itself the app takes FFHQ 512 where a GPU
    and the Hub (or an earlier download) are there, and the embedded faces elsewhere.
    """
    library = catalog()
    wanted = environment.get("BASE", "").strip()
    if wanted:
        return Choice(wanted, _encoder(wanted, environment, library), f"BASE asks for {wanted}.")
    base, reason = EMBEDDED, "There is no GPU here, so the embedded base is used."
    if has_gpu(environment):
        if ready(library.base(LARGE), remote) is not None or reachable(remote):
            base, reason = LARGE, "There is a GPU, so the large base is used."
        else:
            reason = "The Hub cannot be reached, so the embedded base is used."
    return Choice(base, _encoder(base, environment, library), reason)


def prepare(choice: Choice, progress: Progress | None = None, remote: Remote | None = None) -> Choice:
    """Bring the chosen base to this machine; where that fails, fall back to the embedded one and say why.

    Args:
        choice: of `choose_base`.
        progress: is told the share done, 0 to 1, and what is being done.
    """
    try:
        _locate(choice.base, catalog(), progress, remote)
    except UserError as error:
        reason = f"{error} Until then, the embedded base is used."
        return Choice(EMBEDDED, EMBEDDED_ENCODER, reason)
    return choice


def load_base(
    name: str, progress: Progress | None = None, remote: Remote | None = None, library: Library | None = None
) -> "Eg3d":
    """Load a base on the CPU, in evaluation mode.

    Args:
        name: in the library, a folder, or OWNER/NAME on the Hub with ``config.json`` and ``model.safetensors``.
            Of a domain that is a whole generator, the generator itself.
        progress: is told the share done, 0 to 1, and what is being done.
        remote: the Hub.
        library: that lists the name, the one that ships by default.

    Raises:
        UserError: it is not there, cannot be fetched, or is damaged.
    """
    from adapter.eg3d import Eg3d  # loads torch

    return Eg3d.from_pretrained(_locate(name, library or catalog(), progress, remote))


def encoder_of(base: str, library: Library) -> str:
    """Name of the CLIP that goes with a base of that name, or with the base of a domain of that name."""
    entry = library.find(base)
    if entry is not None and entry.base:
        entry = library.find(entry.base, BASE)
    return entry.encoder if entry else EMBEDDED_ENCODER


def _locate(name: str, library: Library, progress: Progress | None, remote: Remote | None) -> Path:
    """The folder of a base, fetched where it must be."""
    entry = library.find(name, BASE)
    whole = None if entry else library.find(name)
    if whole is not None and whole.is_whole_generator:
        entry = replace(whole, kind=BASE, raw_resolution=library.base(whole.base).raw_resolution)
    if entry is None and Path(name).is_dir():
        return Path(name)
    if entry is None and name.count("/") == 1:
        entry = Entry(name.rpartition("/")[2], name, BASE, licence="", repo=name, file=WEIGHTS)
    return fetch(entry or library.base(name), progress, remote)


def _encoder(base: str, environment: Mapping[str, str], library: Library) -> str:
    return environment.get("ENCODER", "").strip() or encoder_of(base, library)
