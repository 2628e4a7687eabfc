"""Jobs as the page, the API and the command line start them."""

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np

from adapter.errors import UserError
from adapter.service.failures import known
from adapter.service.gpu import on_gpu
from adapter.service.person_requests import InvertRequest, PersonRequest, TextEditRequest
from adapter.service.prompts import check_person_words
from adapter.service.requests import IMAGE, VIEWS, AdaptRequest, ExploreRequest, Rendered, RenderRequest, Update
from adapter.service.shape_requests import MeshRequest, WalkRequest

_NO_FOLDER = "The folder of this job is gone. Start the job again."


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


def invert_job(request: InvertRequest) -> Iterator[Update]:
    """Find the person behind a portrait and write the files into the request's folder; stops as `adapt_job` does.

    Raises:
        UserError: no folder, or no such base.
    """
    return _in_folder(request)


def text_edit_job(request: TextEditRequest) -> Iterator[Update]:
    """Edit a person by words and write the files into the request's folder; stops as `adapt_job` does.

    Raises:
        UserError: no folder, no person of the base, or words that the CLIP cannot read.
    """
    check_person_words(request.prompt, request.encoder)
    return _in_folder(request)


def render_pair(request: ExploreRequest | PersonRequest) -> tuple[np.ndarray, np.ndarray]:
    """One person as source and as target: two pictures uint8 [S, S, 3].

    Raises:
        UserError: a file is no domain, or no person, of the base.
    """
    with contextlib.closing(on_gpu(dataclasses.replace(request, kind=IMAGE))) as updates:
        source, target = next(update.preview for update in updates if update.preview is not None)
    return source, target


def render_views(request: ExploreRequest, is_wanted: Callable[[], bool]) -> np.ndarray | None:
    """One person as source and as target from many sides, see `adapter.service.view_grid`; None if given up.

    Args:
        request: of the person; the camera's angles do not count.
        is_wanted: asked after each view whether the views are still wanted.

    Raises:
        UserError: a file is no domain of the base.
    """
    with contextlib.closing(on_gpu(dataclasses.replace(request, kind=VIEWS))) as updates:
        for update in updates:
            if update.preview is not None or not is_wanted():
                return update.preview
    return None


def render_image(request: ExploreRequest | PersonRequest) -> np.ndarray:
    """One person as source and as target beside each other: uint8 [S, 2 S, 3]; raises as `render_pair`."""
    return np.concatenate(render_pair(request), axis=1)


def render_file(request: ExploreRequest | PersonRequest | WalkRequest) -> Iterator[Update]:
    """Write a video or a sheet to the request's folder.

    Yields:
        Updates, the last one with the file.

    Raises:
        UserError: a file is no domain of the base.
    """
    yield from _then_written(on_gpu(request), Path(request.folder))


def mesh_job(request: MeshRequest) -> Iterator[Update]:
    """Make the meshes of a person and write them into the request's folder; closing the iterator ends it.

    Yields:
        Updates, the last one with the files.

    Raises:
        UserError: no folder, a file is no domain or no person of the base, or there is no surface.
    """
    return _in_folder(request)


def _in_folder(
    request: AdaptRequest | RenderRequest | InvertRequest | TextEditRequest | MeshRequest,
) -> Iterator[Update]:
    if not Path(request.folder).is_dir():
        raise UserError(_NO_FOLDER)
    yield from _then_written(on_gpu(request), Path(request.folder))


def _then_written(updates: Generator[Update, None, None], folder: Path) -> Iterator[Update]:
    """A job's updates; what it rendered is written when its worker has ended, before the last one."""
    rendered: Rendered | None = None
    last: Update | None = None
    with contextlib.closing(updates):
        for update in updates:
            rendered = update.rendered or rendered
            if rendered is not None and (update.result is not None or update.file):
                last = update
            else:
                yield dataclasses.replace(update, rendered=None)
    # By now the GPU has been given back: nobody pays for it while pictures and videos are encoded.
    if rendered is not None and last is not None:
        yield _written(rendered, dataclasses.replace(last, rendered=None), folder)


def _written(rendered: Rendered, update: Update, folder: Path) -> Update:
    """Write what was rendered; the job's last update, which names no video that is not there."""
    try:
        complete = rendered.write(folder)
    except Exception as error:
        sentence = known(error)
        if sentence is None or isinstance(error, UserError):
            raise
        raise UserError(sentence) from error
    if complete:
        return update
    if update.result is None:
        raise UserError(_NO_FOLDER)
    return dataclasses.replace(update, result=dataclasses.replace(update.result, orbit=None, people=()))
