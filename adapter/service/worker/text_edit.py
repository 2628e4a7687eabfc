"""The job that edits a person by words, on the GPU's side."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from adapter.errors import UserError
from adapter.latents.person import Person
from adapter.latents.text_edit import TextEditEvent, TextEditSettings, edit_by_text
from adapter.media.grids import save_png
from adapter.media.images import resize, to_tensor
from adapter.service import models
from adapter.service.cancellation import stop_requested
from adapter.service.person_requests import TextEditRequest
from adapter.service.requests import DONE, EDITING, InvertResult, Update
from adapter.service.worker.invert import SIDE, latent_space, perceptual

_TILE = 320
_STOPPED = "Stopped at step {} of {}. The best that was found so far is kept."


def run(request: TextEditRequest) -> Iterator[Update]:
    """Edit the person and write the files; see `adapter.service.jobs.text_edit_job`."""
    generator = models.generator(request.base, request.library)
    person = Person.load(request.person)
    person.check(generator)
    with torch.no_grad():
        words = models.text_encoder(request.encoder).encode([request.prompt.strip()])
    events = edit_by_text(
        generator,
        person,
        words,
        models.encoder(request.encoder),
        perceptual(),
        TextEditSettings(steps=request.steps),
        latent_space(request.base, request.library),
    )
    shown: np.ndarray | None = None
    message = ""
    for event in events:
        shown = event.preview if event.preview is not None else shown
        yield _update(event)
        if event.step < event.total and stop_requested(request.folder):
            message = _STOPPED.format(event.step, event.total)
            break
    assert shown is not None
    yield _finish(request, person, event, shown, message)


def _finish(request: TextEditRequest, person: Person, event: TextEditEvent, shown: np.ndarray, message: str) -> Update:
    folder = Path(request.folder)
    if not folder.is_dir():
        raise UserError("The folder of this job is gone. Start the job again.")
    edited = dataclasses.replace(person, ws=event.ws.cpu())
    path = folder / "person.safetensors"
    edited.save(path)
    names = [str(folder / f"{name}.png") for name in ("portrait", "render")]
    for name, picture in zip(names, shown, strict=True):
        save_png(Path(name), resize(picture, SIDE))
    with torch.no_grad():
        pair = [to_tensor(np.ascontiguousarray(picture), min(256, len(picture))) for picture in shown]
        distance = float(perceptual()(*(side.to(models.device()) for side in pair)))
    found = InvertResult(str(path), names[0], names[1], person.yaw, person.pitch, event.step, distance, request.prompt)
    return Update(DONE, seconds_left=0.0, fraction=1.0, message=message, found=found)


def _update(event: TextEditEvent) -> Update:
    preview = None
    if event.preview is not None:
        preview = np.concatenate([resize(picture, _TILE) for picture in event.preview], axis=1)
    done = event.step / (event.total + 1)
    return Update(EDITING, event.step, event.total, event.seconds_left, done, preview, "", event.losses)
