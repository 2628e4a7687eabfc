"""The adaptation job on the GPU's side."""

import contextlib
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from adapter.adaptation import Domain, Event, loop
from adapter.adaptation.guidance import Guidance, text_guidance
from adapter.errors import UserError
from adapter.media.images import to_tensor
from adapter.methods import Method
from adapter.methods.offers import seconds
from adapter.service import models
from adapter.service.jobs import stop_asked
from adapter.service.requests import AdaptRequest, Snapshot, Update, settings_of
from adapter.service.scene import DomainScene, FrameScene, Identities, Pairs
from adapter.service.worker import outputs
from adapter.service.worker.outputs import Clock
from adapter.utils.atomic import replacing

SNAPSHOTS = "snapshots"
MAXIMUM_SNAPSHOTS = 12
_REFERENCE_SIDE = 256


def run(request: AdaptRequest) -> Iterator[Update]:
    """Adapt, then render and write; see `adapter.service.jobs.adapt_job`."""
    generator, encoder = models.generator(request.base), models.encoder(request.encoder)
    method = request.plan
    people = Identities.draw(generator, request.people, request.cast, request.truncation)
    clock = Clock(DomainScene(people, generator.parts()), seconds(request.method, request.preset, request.steps))
    yield Update(loop.PREPARING, 0, method.pool, clock.left(None), preview=outputs.preview(clock.first))
    guidance = guidance_of(request, generator.config.image_resolution)
    if method.per_frame:
        yield from _stylize(request, method, guidance, people, clock)
        return

    done = _Progress(request)
    events = loop.adapt(
        generator,
        encoder,
        guidance,
        method,
        seed=request.seed,
        base=request.base,
        licence=models.licence(request.base),
        people=people.latents,
        inverter=models.inverter(request.base) if method.asks_for_inverter else None,
    )
    try:
        with contextlib.closing(events):
            for event in events:
                done.note(event)
                left = clock.left(event.seconds_left)
                share, shown = clock.share(left), done.preview
                yield Update(event.stage, event.step, event.total, left, share, shown, event.message, event.losses)
                if stop_asked(request.folder):
                    done.stop(method)
                    break
    except (GeneratorExit, KeyboardInterrupt):
        shutil.rmtree(Path(request.folder) / SNAPSHOTS, ignore_errors=True)
        raise
    if Path(request.folder).is_dir():
        path = Path(request.folder) / "domain.safetensors"
        done.domain.save(path)
        parts = done.domain.apply(generator, request.strength)
        yield from outputs.write(
            request,
            functools.partial(DomainScene, parts=parts),
            people,
            clock,
            domain=path,
            steps=done.steps,
            settings={**settings_of(request), "steps": done.steps},
            snapshots=tuple(done.snapshots),
            message=done.message,
        )


class _Progress:
    """What a run has brought so far; keeps some of its previews as files."""

    def __init__(self, request: AdaptRequest) -> None:
        method = request.plan
        self.folder = Path(request.folder)
        self.every = -(-method.steps // method.preview_every // MAXIMUM_SNAPSHOTS) or 1
        self.domain: Domain | None = None
        self.steps, self.previews, self.message = 0, 0, ""
        self.snapshots: list[Snapshot] = []
        self.preview: np.ndarray | None = None

    def note(self, event: Event) -> None:
        """Take over what an event brings."""
        self.domain = event.domain or self.domain
        self.steps = event.step if event.losses else self.steps
        self.message = event.message or self.message
        if event.stage == loop.FAILED and self.domain is None:
            raise UserError(event.message)
        self.preview = None
        if event.preview is None:
            return
        self.preview = outputs.preview(Pairs(event.preview[:, 0], event.preview[:, 1]))
        self.previews += 1
        if event.losses and event.domain is not None and self.previews % self.every == 0 and self.folder.is_dir():
            self.snapshots.append(_keep(self.folder / SNAPSHOTS, event.step, event.domain, self.preview))

    def stop(self, method: Method) -> None:
        """The visitor asked to stop."""
        if self.domain is None:
            raise UserError("Stopped before anything was learned, so there is nothing to keep.")
        self.message = f"Stopped at step {self.steps} of {method.steps}. What was learned so far is kept."


def _keep(folder: Path, step: int, domain: Domain, picture: np.ndarray) -> Snapshot:
    path, shown = folder / f"step-{step:05d}.safetensors", folder / f"step-{step:05d}.jpg"
    domain.save(path)
    with replacing(shown) as temporary:
        Image.fromarray(picture).save(temporary, format="JPEG", quality=88)
    return Snapshot(step, str(path), str(shown))


def guidance_of(request: AdaptRequest, side: int) -> Guidance:
    """What leads a request: its pictures, its words, and beside words the album's picture of what they are read as.

    Args:
        request: what is asked for.
        side: of the generator's images, in pixels.

    Raises:
        UserError: words that cannot be used.
    """
    pictures, prompt = request.references, request.prompt.strip()
    if prompt and not pictures and not request.words_alone:
        from_album = models.album_picture(prompt, request.encoder)
        pictures = () if from_album is None else (from_album,)
    size = max(_REFERENCE_SIDE, side)
    references = torch.cat([to_tensor(picture, size) for picture in pictures]) if pictures else None
    if not prompt:
        return Guidance(references)
    texts = [models.text_encoder(request.encoder)]
    return text_guidance(texts, request.prompt, request.source, request.negative, references, request.from_mean)


def _stylize(
    request: AdaptRequest, method: Method, guidance: Guidance, people: Identities, clock: Clock
) -> Iterator[Update]:
    """Frames one by one: nothing is learned, so nothing can be kept but the pictures."""
    from adapter.adaptation.stylize import stylize_frames

    stylize = functools.partial(
        stylize_frames,
        encoder=models.encoder(request.encoder),
        guidance=guidance,
        method=method,
        seed=request.seed,
    )
    yield from outputs.write(
        request,
        functools.partial(FrameScene, stylize=stylize),
        people,
        clock,
        domain=None,
        steps=method.steps,
        settings={**settings_of(request), "steps": method.steps},
        message="This method paints every frame by itself: there is no domain to keep, blend or turn up.",
    )
