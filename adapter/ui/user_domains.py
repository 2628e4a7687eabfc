"""The domains of one visitor beside the ready ones: what worlds can be chosen, and where their files are."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.service import library
from adapter.service.arrivals import arrivals
from adapter.service.settings import Settings

BASE_WORLD = ""
_OWN = "own:"


def worlds(settings: Settings, kept: Sequence[Entry]) -> list[tuple[str, str]]:
    """(title, value) of every world that can be chosen: the base, the ready ones, the visitor's own."""
    ready = [(entry.title, entry.name) for entry in library.usable_domains(settings)]
    own = [(f"{entry.title} (yours)", own_value(entry)) for entry in reversed(kept)]
    return [("The source world", BASE_WORLD), *own, *ready]


def own_value(entry: Entry) -> str:
    """How a visitor's own domain is called in a choice; never part of a link."""
    return _OWN + entry.name


def path_of(settings: Settings, value: str, kept: Sequence[Entry]) -> Path:
    """The file of a chosen world.

    Raises:
        UserError: it is gone or cannot be had.
    """
    if not value.startswith(_OWN):
        return library.local(library.find(value, settings), settings)
    for entry in kept:
        if own_value(entry) == value and entry.path is not None and entry.path.is_file():
            return entry.path
    raise UserError("This domain is no longer here: files are removed after an hour. Upload it again.")


def fetch_worlds(settings: Settings, values: Iterable[str]) -> Iterator[str]:
    """Fetch the chosen worlds that are not on this machine yet, and tell how far it is.

    Raises:
        UserError: one cannot be had.
    """
    for value in values:
        if value and not value.startswith(_OWN):
            entry = library.find(value, settings)
            if not library.is_local(entry, settings):
                yield from arrivals(functools.partial(library.local, entry, settings))


def added(kept: Sequence[Entry], entry: Entry) -> list[Entry]:
    """The domains with one more domain; one of the same name is replaced."""
    return [*(other for other in kept if other.name != entry.name), entry]
