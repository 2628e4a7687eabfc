"""The views of a person that are rendered at once, so that the browser can turn the person by itself."""

import hashlib
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from adapter.service.requests import ExploreRequest

YAW, PITCH = 55, 25
"""Largest angles of Explore's camera in degrees, to both sides of the front."""
COLUMNS, ROWS = 15, 3
TILE = 256
"""Largest side of a view in pixels."""
_ENLARGED = 1.5
"""A view is enlarged by the zoom that much at most, then views at that zoom are worth their rendering."""

POSES = tuple(
    (math.radians(yaw), math.radians(pitch))
    for pitch, yaw in itertools.product(np.linspace(-PITCH, PITCH, ROWS), np.linspace(-YAW, YAW, COLUMNS))
)
"""(yaw, pitch) in radians, row by row of one pitch, from below and from the left on."""


def identity(request: ExploreRequest) -> str:
    """Who is seen in which world, wherever the camera is; another one if a domain's file was written anew."""
    files = [
        (path, weight, Path(path).stat().st_mtime_ns if Path(path).exists() else 0) for path, weight in request.mix
    ]
    seen = (request.base, request.library, files, request.seed, request.truncation)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def serves(rendered: float, zoom: float) -> bool:
    """Whether views that were rendered at one zoom can be shown at another one: they are enlarged, but not much."""
    return rendered <= zoom <= _ENLARGED * rendered


def tile(picture: np.ndarray) -> np.ndarray:
    """A picture uint8 [S, S, 3] as a view, scaled down by a whole number, which takes a GPU's time hardly at all."""
    step = math.ceil(len(picture) / TILE)
    return picture if step == 1 else np.asarray(Image.fromarray(picture).reduce(step))


def sheet(sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> np.ndarray:
    """Views uint8 [T, T, 3] of all `POSES` as one picture [2 ROWS T, COLUMNS T, 3]: sources above targets."""
    rows = [
        np.concatenate(side[k : k + COLUMNS], axis=1)
        for side in (sources, targets)
        for k in range(0, len(side), COLUMNS)
    ]
    return np.concatenate(rows)
