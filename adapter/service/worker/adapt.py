"""The adaptation job on the GPU's side."""

import contextlib
import functools
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError

from adapter.adaptation import FAILED, PREPARING, Domain, Event
from adapter.errors import UserError
from adapter.methods.offers import seconds
from adapter.pipeline import DomainAdapter
from adapter.scene import DomainScene, Identities, Pairs
from adapter.service import models
from adapter.service.cancellation import stop_requested
from adapter.service.gpu_time import lent_card, training_seconds
from adapter.service.requests import AdaptRequest, Snapshot, Update
from adapter.service.time_left import TimeLeft
from adapter.service.worker import outputs
from adapter.utils.atomic import replacing

SNAPSHOTS = "snapshots"
MAXIMUM_SNAPSHOTS, SNAPSHOT_BYTES = 12, 96 << 20
"""Of a job, and of all its snapshots together: a method that trains the whole generator keeps fewer."""
log = logging.getLogger("adapter")
_PER_FRAME = "This method paints every frame by itself: there is no domain to keep, blend or turn up."


def run(request: AdaptRequest) -> Iterator[Update]:
    """Adapt, then render and write; see `adapter.service.jobs.adapt_job`."""
    method = request.customized
    adapter = models.domain_adapter(
        request.base, request.encoder, request.library, bool(request.prompt.strip()), method.needs_inverter
    )
    generator = adapter.generator
    people = Identities.draw(generator, request.people, request.cast, request.truncation)
    sources, rendering = outputs.timed(DomainScene(people, generator.parts()), generator.device)
    training = seconds(request.method, request.preset, request.steps, request.encoder)
    if generator.device.type != "cpu":
        training = training_seconds(method, lent_card())
    clock = TimeLeft(training, rendering, len(outputs.PATH.poses))
    yield Update(PREPARING, 0, method.pool, clock.in_training(None), preview=outputs.preview(sources))
    if method.per_frame:
        result = adapter.adapt(list(request.references), request.prompt, **_settings(request))
        yield from outputs.render_result(
            request,
            result.scene(request.strength),
            people,
            clock,
            domain=None,
            settings={**request.settings(), "steps": method.steps},
            message=_PER_FRAME,
        )
        return
    progress = _Progress(request)
    try:
        yield from _train(request, adapter, people, clock, progress)
    except (GeneratorExit, KeyboardInterrupt):
        shutil.rmtree(Path(request.folder) / SNAPSHOTS, ignore_errors=True)
        raise
    if progress.domain is not None and Path(request.folder).is_dir():
        path = Path(request.folder) / "domain.safetensors"
        progress.domain.save(path)
        parts = progress.domain.apply(generator, request.strength, checked=True)
        yield from outputs.render_result(
            request,
            functools.partial(DomainScene, parts=parts),
            people,
            clock,
            domain=str(path),
            settings={**request.settings(), "steps": progress.steps},
            snapshots=tuple(progress.snapshots),
            message=progress.message,
        )


def _train(
    request: AdaptRequest, adapter: DomainAdapter, people: Identities, clock: TimeLeft, progress: "_Progress"
) -> Iterator[Update]:
    """Updates of the training; ends early on a stop request."""
    events = adapter.stream(
        list(request.references),
        request.prompt,
        preview_latents=people.latents,
        stopping=progress.is_stopping,
        resumable=False,
        **_settings(request),
    )
    with contextlib.closing(events):
        for event in events:
            progress.record(event)
            left = clock.in_training(event.seconds_left)
            fraction, preview = clock.fraction(left), progress.preview
            yield Update(event.stage, event.step, event.total, left, fraction, preview, event.message, event.losses)
            # After a step, only the next one's end makes a domain of what was learned.
            if progress.stopping or (not event.losses and progress.is_stopping()):
                progress.stop()
                return


def _settings(request: AdaptRequest) -> dict[str, Any]:
    """The fields of `adapter.pipeline.AdaptationSettings`; the pictures are cropped already."""
    names = ("source", "negative", "from_mean", "words_alone", "reference_from_text", "seed")
    return {**{name: getattr(request, name) for name in names}, "method": request.customized, "crop": "middle"}


class _Progress:
    """What a run has produced so far; keeps some of its previews as files."""

    def __init__(self, request: AdaptRequest) -> None:
        method = request.customized
        self.folder = Path(request.folder)
        self.total = method.steps
        self.every = -(-method.steps // method.preview_every // MAXIMUM_SNAPSHOTS) or 1
        self.domain: Domain | None = None
        self.steps, self.previews, self.bytes, self.message = 0, 0, 0, ""
        self.snapshots: list[Snapshot] = []
        self.preview: np.ndarray | None = None
        self.stopping = False

    def is_stopping(self) -> bool:
        """Whether the run should end, now that somebody may have requested it."""
        self.stopping = self.stopping or stop_requested(self.folder)
        return self.stopping

    def record(self, event: Event) -> None:
        """Take over an event's domain, step, message and preview."""
        self.domain = event.domain or self.domain
        self.steps = event.step if event.losses else self.steps
        self.message = event.message or self.message
        if event.stage == FAILED and self.domain is None:
            raise UserError(event.message)
        self.preview = None
        if event.preview is None:
            return
        self.preview = outputs.preview(Pairs(event.preview[:, 0], event.preview[:, 1]))
        self.previews += 1
        if event.losses and event.domain is not None and self.previews % self.every == 0 and self.folder.is_dir():
            self.bytes += sum(value.nbytes for value in event.domain.weights.values())
            if self.bytes > SNAPSHOT_BYTES:
                return
            try:
                self.snapshots.append(_write_snapshot(self.folder / SNAPSHOTS, event.step, event.domain, self.preview))
            except (OSError, SafetensorError) as error:
                log.warning("The snapshot of step %d could not be written: %s", event.step, error)

    def stop(self) -> None:
        """End with what was learned.

        Raises:
            UserError: nothing was.
        """
        if self.domain is None:
            raise UserError("Stopped before anything was learned, so there is nothing to keep.")
        self.message = f"Stopped at step {self.steps} of {self.total}. What was learned so far is kept."


def _write_snapshot(folder: Path, step: int, domain: Domain, picture: np.ndarray) -> Snapshot:
    path, preview = folder / f"step-{step:05d}.safetensors", folder / f"step-{step:05d}.jpg"
    domain.save(path)
    with replacing(preview) as temporary:
        Image.fromarray(picture).save(temporary, format="JPEG", quality=88)
    return Snapshot(step, str(path), str(preview))
