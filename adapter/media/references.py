"""From a style image to its reference: one way for the page, the API, the command line and Python."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from adapter.errors import UserError
from adapter.media.alignment import DEFAULT_BASE, framing_of
from adapter.media.crop import Crop, frame_faces
from adapter.media.examples import examples
from adapter.media.images import load_image

Picture = str | os.PathLike | bytes | Image.Image | np.ndarray
"""A path, a file's bytes, a Pillow image, or pixels uint8 [H, W, 3]."""


@dataclass(frozen=True)
class Reference:
    """A picture's square at full resolution, uint8 [S, S, 3], and which square it is."""

    pixels: np.ndarray
    crop: Crop


def open_reference(
    picture: Picture, crop: Crop | str = "face", quarter_turns: int = 0, base: str = DEFAULT_BASE
) -> Reference:
    """Cut a picture's square out at full resolution; `adapter.media.images.to_tensor` then resamples it.

    Args:
        picture: see `Picture`.
        crop: the square; "face" for the first of `suggest_crops`, "middle" for the largest one.
        quarter_turns: by which the picture is turned clockwise first.
        base: whose framing the square takes.

    Raises:
        UserError: not a readable picture, or an unknown crop.
    """
    image = read_picture(picture, quarter_turns)
    if isinstance(crop, str):
        if crop not in ("face", "middle"):
            raise UserError(f"The crop must be 'face' or 'middle', not {crop!r}.")
        crop = suggest_crops(image, base)[0] if crop == "face" else Crop()
    return Reference(np.ascontiguousarray(crop.cut(image)), crop)


def read_reference(
    picture: Picture, crop: Crop | str = "face", quarter_turns: int = 0, base: str = DEFAULT_BASE
) -> np.ndarray:
    """The pixels of `open_reference`, uint8 [S, S, 3]."""
    return open_reference(picture, crop, quarter_turns, base).pixels


def read_picture(picture: Picture, quarter_turns: int = 0) -> np.ndarray:
    """The pixels of a picture, uint8 [H, W, 3]; arguments as for `read_reference`.

    Raises:
        UserError: not a readable picture.
    """
    if isinstance(picture, Image.Image):
        picture = np.asarray(picture.convert("RGB"))
    image = picture if isinstance(picture, np.ndarray) else load_image(picture)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise UserError("A picture as an array must be uint8 [H, W, 3].")
    return np.rot90(image, -quarter_turns)


def suggest_crops(image: np.ndarray, base: str = DEFAULT_BASE) -> list[Crop]:
    """The squares to choose from, at least one: an example's own, else those around the faces, else the middle.

    Args:
        image: uint8 [H, W, 3].
        base: name, folder or repository of the base whose framing they take.
    """
    name = Path(base).name
    own = [example.crops for example in examples() if np.array_equal(example.pixels, image)]
    known = [crops[name] for crops in own if name in crops]
    return known or frame_faces(image, framing_of(base)) or [Crop()]
