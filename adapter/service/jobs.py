"""Jobs as the page, the API and the command line start them."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adapter.errors import UserError
from adapter.service.gpu import on_gpu
from adapter.service.requests import IMAGE, AdaptRequest, ExploreRequest, RenderRequest, Update


def adapt_job(request: AdaptRequest) -> Iterator[Update]:
    """Adapt a base to pictures or words and write the files into the request's folder.

    A stop request, or removing the folder, ends the training at the next step; what was learned so far is rendered and
    written. A second stop request leaves the orbit out. Closing the iterator ends everything at once.

    Yields:
        Updates, the last one with the result.

    Raises:
        UserError: no folder, unknown names, unusable settings, or stopped before anything was learned.
    """
    return _in_folder(request)


def render_job(request: RenderRequest) -> Iterator[Update]:
    """Render and write all pictures and videos of a domain file; stops and ends as `adapt_job` does.

    Raises:
        UserError: no folder, or the file is no domain of that base.
    """
    return _in_folder(request)


def render_pair(request: ExploreRequest) -> tuple[np.ndarray, np.ndarray]:
    """One person as source and as target: two pictures uint8 [S, S, 3].

    Raises:
        UserError: a file is no domain of the base.
    """
    with contextlib.closing(on_gpu(dataclasses.replace(request, kind=IMAGE))) as updates:
        source, target = next(update.preview for update in updates if update.preview is not None)
    return source, target


def render_image(request: ExploreRequest) -> np.ndarray:
    """One person as source and as target beside each other: uint8 [S, 2 S, 3]; raises as `render_pair`."""
    return np.concatenate(render_pair(request), axis=1)


def render_file(request: ExploreRequest) -> Iterator[Update]:
    """Write a video or a sheet to the request's folder.

    Yields:
        Updates, the last one with the file.

    Raises:
        UserError: a file is no domain of the base.
    """
    with contextlib.closing(on_gpu(request)) as updates:
        yield from updates


def _in_folder(request: AdaptRequest | RenderRequest) -> Iterator[Update]:
    if not Path(request.folder).is_dir():
        raise UserError("The folder of this job is gone. Start the job again.")
    with contextlib.closing(on_gpu(request)) as updates:
        yield from updates
