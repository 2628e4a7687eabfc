"""Jobs as the page, the API and the command line start and stop them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from adapter.errors import UserError
from adapter.service.gpu import on_gpu
from adapter.service.requests import AdaptRequest, PresentRequest, Request, Update

STOP = "stop"
MAXIMUM_REFERENCES = 8


def adapt_job(request: AdaptRequest) -> Iterator[Update]:
    """Adapt a base to pictures or words and write the files.

    The request's folder must be there. `request_stop`, or removing the folder, ends the training at the next step; what
    was learned so far is rendered and written. Asked again, the orbit is left out. Closing the iterator ends everything
    at once.

    Yields:
        Updates, the last one with the result.

    Raises:
        UserError: unknown names, unusable settings, or stopped before anything was learned.
    """
    _check_adaptation(request)
    yield from _started(request)


def present_job(request: PresentRequest) -> Iterator[Update]:
    """Render and write all pictures and videos of a domain file; stops and ends as `adapt_job` does.

    Raises:
        UserError: the file is no domain of that base, or the settings cannot be used.
    """
    _check_shown(request)
    yield from _started(request)


def request_stop(folder: str | os.PathLike) -> None:
    """Ask the job that writes to this folder to stop and keep what it has."""
    with contextlib.suppress(OSError):
        (Path(folder) / STOP).touch()


def stop_asked(folder: str | os.PathLike) -> bool:
    """Whether a job should stop; a request to stop counts once, a folder that is gone always."""
    folder = Path(folder)
    try:
        (folder / STOP).unlink()
    except FileNotFoundError:
        return not folder.is_dir()
    return True


def _started(request: Request) -> Iterator[Update]:
    if not Path(request.folder).is_dir():
        raise UserError("The folder of this job is gone. Start the job again.")
    with contextlib.closing(on_gpu(request)) as updates:
        yield from updates


def _check_adaptation(request: AdaptRequest) -> None:
    method = request.plan
    if len(request.references) > MAXIMUM_REFERENCES:
        raise UserError(f"Use at most {MAXIMUM_REFERENCES} style images; these are {len(request.references)}.")
    if not request.references and not request.prompt.strip():
        raise UserError("Choose a style image or write a prompt first.")
    if not request.references and not method.takes_text:
        raise UserError(f"{method.name} learns from pictures. Add a style image, or choose a method that takes words.")
    if not request.prompt.strip() and not (method.takes_image or method.per_frame):
        raise UserError(f"{method.name} learns from words. Write a prompt, or choose a method that takes pictures.")
    if not 0 <= request.seed < 2**31:
        raise UserError("The seed must be a whole number from 0 to 2147483647.")
    _check_shown(request)


def _check_shown(request: AdaptRequest | PresentRequest) -> None:
    if not 0 <= request.strength <= 2:
        raise UserError("The strength must be a number from 0 to 2.")
    if not 0 <= request.truncation <= 1.5:
        raise UserError("The truncation must be a number from 0 to 1.5.")
    if not 1 <= request.people <= 12:
        raise UserError("A video shows from 1 to 12 people.")
