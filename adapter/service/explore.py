"""Explorations as the page and the API ask for them: any person, any camera, any mixture of domains."""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np

from adapter.errors import UserError
from adapter.service.gpu import on_gpu
from adapter.service.requests import GRID, IMAGE, ORBIT, WALK, ExploreRequest, Update

YAW, PITCH, ZOOM, WEIGHT = 1.0, 0.5, (0.6, 2.0), 2.0
"""Largest angles in radians, smallest and largest zoom, largest absolute weight of a domain."""
MAXIMUM_MIX, MAXIMUM_PEOPLE = 4, 12


def render_pair(request: ExploreRequest) -> tuple[np.ndarray, np.ndarray]:
    """One person as source and as target.

    Returns:
        Two pictures uint8 [S, S, 3].

    Raises:
        UserError: settings out of range, or a file that is no domain of the base.
    """
    request = dataclasses.replace(request, kind=IMAGE)
    _check(request)
    with contextlib.closing(on_gpu(request)) as updates:
        source, target = next(update.preview for update in updates)
    return source, target


def render_image(request: ExploreRequest) -> np.ndarray:
    """The same beside each other: uint8 [S, 2 S, 3]."""
    return np.concatenate(render_pair(request), axis=1)


def render_file(request: ExploreRequest) -> Iterator[Update]:
    """A video or a sheet, written to the request's folder.

    Yields:
        Updates, the last one with the file.

    Raises:
        UserError: as `render_pair`.
    """
    _check(request)
    with contextlib.closing(on_gpu(request)) as updates:
        yield from updates


def _check(request: ExploreRequest) -> None:
    if request.kind not in (IMAGE, ORBIT, GRID, WALK):
        raise UserError(f"There is no view named {request.kind!r}. Choose from: {IMAGE}, {ORBIT}, {GRID}, {WALK}.")
    if len(request.mix) > MAXIMUM_MIX:
        raise UserError(f"Mix at most {MAXIMUM_MIX} domains.")
    if not all(abs(weight) <= WEIGHT for _, weight in request.mix):
        raise UserError(f"The weight of a domain must be a number from {-WEIGHT:g} to {WEIGHT:g}.")
    if not 0 <= request.seed < 2**31:
        raise UserError("The seed must be a whole number from 0 to 2147483647.")
    if not 0 <= request.truncation <= 1.5:
        raise UserError("The truncation must be a number from 0 to 1.5.")
    if not (abs(request.yaw) <= YAW and abs(request.pitch) <= PITCH):
        raise UserError(f"Turn the camera by at most {YAW:g} to the side and {PITCH:g} up or down, in radians.")
    if not ZOOM[0] <= request.zoom <= ZOOM[1]:
        raise UserError(f"The zoom must be a number from {ZOOM[0]:g} to {ZOOM[1]:g}.")
    if not 2 <= request.count <= MAXIMUM_PEOPLE:
        raise UserError(f"Choose from 2 to {MAXIMUM_PEOPLE} people.")
