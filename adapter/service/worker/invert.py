"""The inversion job on the GPU's side: from a portrait to a person's file."""

import functools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from adapter.adaptation import fingerprint
from adapter.eg3d import Generator
from adapter.encoders.lpips import Lpips, load_lpips
from adapter.errors import UserError
from adapter.latents.inversion import InversionEvent, InversionSettings, invert
from adapter.latents.latent_space import LatentSpace
from adapter.latents.person import Person
from adapter.latents.pivotal import TuningSettings, tune
from adapter.latents.target import Target
from adapter.latents.wplus_encoder import Inverter, load_inverter
from adapter.media.grids import save_png
from adapter.media.images import resize, to_tensor
from adapter.service import models
from adapter.service.cancellation import stop_requested
from adapter.service.person_requests import InvertRequest
from adapter.service.requests import DONE, INVERTING, TUNING, InvertResult, Update

SIDE = 512
"""Of the pictures that are written."""
_TILE = 320
_STOPPED = "Stopped at step {} of {}. The best that was found so far is kept."


def run(request: InvertRequest) -> Iterator[Update]:
    """Find the person and write the files; see `adapter.service.jobs.invert_job`."""
    search = _Search(request)
    yield from search.invert()
    if request.tuning and not search.stopped:
        yield from search.tune()
    yield search.finish()


class _Search:
    """One portrait, and the best that was found for it."""

    best: InversionEvent

    def __init__(self, request: InvertRequest) -> None:
        self.request, self.folder = request, Path(request.folder)
        self.generator = models.generator(request.base, request.library)
        side = self.generator.config.image_resolution
        self.image = to_tensor(request.portrait, side)
        weight = torch.from_numpy(np.ascontiguousarray(request.weight))
        self.weight = weight[None, None].float() / 255
        self.residual: torch.Tensor | None = None
        self.stopped, self.steps, self.message = False, 0, ""
        self.started, self.total = time.perf_counter(), request.steps + request.tuning

    def invert(self) -> Iterator[Update]:
        """Updates of the inversion; ends early on a stop request."""
        request = self.request
        angles = None if request.yaw is None or request.pitch is None else (request.yaw, request.pitch)
        events = invert(
            self.generator,
            self.image,
            perceptual(),
            InversionSettings(steps=request.steps),
            _wplus(request.base, request.library),
            angles,
            self.weight,
            latent_space(request.base, request.library),
        )
        for event in events:
            self.best, self.steps = event, event.step
            yield self._update(INVERTING, event, event.step)
            if self._is_stopping(event):
                return

    def tune(self) -> Iterator[Update]:
        """Updates of pivotal tuning; ends early on a stop request."""
        target = Target(self.generator, self.image, perceptual(), self.weight)
        for event, residual in tune(target, self.best, TuningSettings(steps=self.request.tuning)):
            self.residual = residual
            self.steps = self.request.steps + event.step
            self.best = event if event.preview is not None else self.best
            yield self._update(TUNING, event, self.steps)
            if self._is_stopping(event):
                return

    def finish(self) -> Update:
        """Write the files."""
        if not self.folder.is_dir():
            raise UserError("The folder of this job is gone. Start the job again.")
        best, request = self.best, self.request
        ws = best.ws[0].cpu()
        license = models.license_of(request.base, request.library)
        person = Person(
            ws, request.base, fingerprint(self.generator), best.yaw, best.pitch, self.residual, license=license
        )
        person.save(self.folder / "person.safetensors")
        pictures = best.preview if best.preview is not None else self.shown
        for name, picture in zip(("portrait", "render"), pictures, strict=True):
            save_png(self.folder / f"{name}.png", resize(picture, SIDE))
        with torch.no_grad():
            pair = [to_tensor(np.ascontiguousarray(picture), min(256, len(picture))) for picture in pictures]
            distance = float(perceptual()(*(side.to(self.generator.device) for side in pair)))
        person_file, portrait, render = (
            str(self.folder / name) for name in ("person.safetensors", "portrait.png", "render.png")
        )
        result = InvertResult(person_file, portrait, render, best.yaw, best.pitch, self.steps, distance)
        return Update(DONE, seconds_left=0.0, fraction=1.0, message=self.message, found=result)

    def _update(self, stage: str, event: InversionEvent, done: int) -> Update:
        preview = None
        if event.preview is not None:
            self.shown = event.preview
            preview = np.concatenate([resize(picture, _TILE) for picture in event.preview], axis=1)
        left = (time.perf_counter() - self.started) / (done + 1) * (self.total - done)
        return Update(
            stage,
            done,
            self.total,
            left if done else None,
            done / (self.total + 1),
            preview,
            self.message,
            event.losses,
        )

    def _is_stopping(self, event: InversionEvent) -> bool:
        if event.step < event.total and stop_requested(self.folder):
            self.stopped, self.message = True, _STOPPED.format(self.steps, self.total)
        return self.stopped


@functools.cache
def perceptual() -> Lpips:
    """LPIPS on the device of jobs."""
    return load_lpips().to(models.device())


@functools.cache
def latent_space(base: str, library: str) -> LatentSpace:
    """The people of a base as a distribution in w."""
    return LatentSpace.of(models.generator(base, library))


@functools.cache
def _wplus(base: str, library: str) -> Inverter | None:
    """The W+ encoder of a base, if there is one for its weights."""
    generator: Generator = models.generator(base, library)
    inverter = load_inverter(base, models.encoder)
    if inverter is None or inverter.config.base_fingerprint != fingerprint(generator):
        return None
    return inverter.to(models.device())
