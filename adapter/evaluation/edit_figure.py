"""The figure of edits, as in DiFa (Zhang et al. 2022): one person, edited alike in the base's world and in domains."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from adapter.eg3d import Generator, Parts
from adapter.evaluation.figure import compose, strip
from adapter.latents.directions import Directions, edit_codes
from adapter.latents.people import draw_people, looks

COLUMNS: dict[str, tuple[dict[str, float], float]] = {
    "as found": ({}, 0.0),
    "eyes": ({"eyes_open": 3.0}, 0.0),
    "smile": ({"smile": 3.0}, 0.0),
    "sex": ({"sex": 3.0}, 0.0),
    "age": ({"age": 2.5}, 0.0),
    "pose": ({}, 0.45),
}
"""Amounts of edits by name, and the camera's yaw in radians."""
SIDE = 192


@torch.no_grad()
def edits_figure(
    generator: Generator, directions: Directions, worlds: Mapping[str, Parts], seed: int = 0
) -> NDArray[np.uint8]:
    """Columns of edits, a row for the source and one for each world: uint8 [H, W, 3].

    Args:
        generator: the base.
        directions: its edits, in w.
        worlds: domains by name.
        seed: of the person.
    """
    (ws,) = draw_people(generator, 1, seed)
    rows: dict[str, dict[str, np.ndarray]] = {name: {} for name in ("source", *worlds)}
    for column, (amounts, yaw) in COLUMNS.items():
        known = {name: amount for name, amount in amounts.items() if name in directions.names}
        edited = edit_codes(ws, known, directions) if known else ws
        images = looks(generator, edited, [None, *worlds.values()], yaw)
        for row, image in zip(rows.values(), images, strict=True):
            row[column] = strip(image.clamp(-1, 1), SIDE)
    return compose(rows, list(COLUMNS))
