"""The reference pictures that come with the project."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Reference:
    """A picture of ``examples/`` with what is said about it in ``references.json``."""

    file: str
    title: str
    alt: str
    origin: str
    licence: str

    @property
    def path(self) -> Path:
        """Where the picture is."""
        return FOLDER / self.file


@functools.cache
def references() -> tuple[Reference, ...]:
    """All reference pictures, in the order of ``references.json``."""
    entries = json.loads((FOLDER / "references.json").read_text(encoding="utf-8"))
    return tuple(Reference(**entry) for entry in entries)
