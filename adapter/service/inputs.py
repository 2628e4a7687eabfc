"""What people bring: pictures, framed as the generator frames heads, and words, read before any time is spent."""

import os

import numpy as np

from adapter.errors import UserError
from adapter.media.faces import find_head
from adapter.media.images import crop_square, load_image, resize
from adapter.methods.offers import ENCODER

REFERENCE_SIDE = 512
"""Pixels that the square of a picture is kept with."""


def framed(path: str | os.PathLike, around_face: bool = True) -> np.ndarray:
    """A square of a picture, uint8 [S, S, 3] with S = `REFERENCE_SIDE`.

    Args:
        path: of the picture.
        around_face: the square around the head, where a face is found; the middle otherwise.

    Raises:
        UserError: no readable picture.
    """
    image = load_image(path)
    if not around_face:
        return resize(crop_square(image), REFERENCE_SIDE)
    head = find_head(image)
    return resize(crop_square(image, (head.x, head.y), head.side), REFERENCE_SIDE)


def understood(prompt: str, encoder: str = ENCODER) -> str:
    """What the text model makes of a prompt, where there is something to say.

    Raises:
        UserError: it does not understand it.
    """
    if not prompt.strip():
        return ""
    from adapter.service import models  # loads torch

    reading = models.read_prompt(prompt.strip(), encoder)
    if not reading.known:
        raise UserError(reading.message)
    return reading.message
