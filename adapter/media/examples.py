"""The style images that come with the project."""

import functools
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from adapter.media.crop import Crop
from adapter.media.images import load_image
from adapter.utils.paths import EXAMPLES

FOLDER = EXAMPLES


@dataclass(frozen=True)
class Example:
    """A picture of ``examples/`` with what ``references.json`` states about it.

    Args:
        file: name of the file.
        title, alt, origin, licence: as the page and its readers get them.
        crops: the square that becomes the reference, for each embedded base.
    """

    file: str
    title: str
    alt: str
    origin: str
    licence: str
    crops: dict[str, Crop]

    @property
    def path(self) -> Path:
        """The picture's file."""
        return FOLDER / self.file

    @functools.cached_property
    def pixels(self) -> np.ndarray:
        """The picture, uint8 [H, W, 3]."""
        return load_image(self.path)


@functools.cache
def examples() -> tuple[Example, ...]:
    """All examples, in the order of ``references.json``."""
    return TypeAdapter(tuple[Example, ...]).validate_json((FOLDER / "references.json").read_bytes())
