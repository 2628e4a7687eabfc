"""The adaptation job, and the one place where a GPU is asked for."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import spaces

from adapter.errors import UserError
from adapter.service.requests import (
    DONE,
    LOADING,
    PRESETS,
    RENDERING,
    WRITING,
    AdaptRequest,
    AdaptResult,
    Update,
    gpu_seconds,
)

if TYPE_CHECKING:
    from adapter.adaptation.domain import Domain
    from adapter.service.people import Pairs, People

STOP = "stop"
GRID_PEOPLE = 6
GRID_VIEWS = (0.0, -0.4)
PREVIEW_TILE, VIDEO_TILE, GRID_TILE, PORTRAIT = 256, 384, 256, 512
FPS = 24
_WRITING_SECONDS = 3.0


def adapt_job(request: AdaptRequest) -> Iterator[Update]:
    """Adapt a base to a reference and write the files.

    `request_stop`, or removing the request's folder, ends the training at the next step; what was learned so far is
    rendered and written. Asked again, the orbit is left out. Closing the iterator ends everything at once.

    Yields:
        Updates, the last one with the result.

    Raises:
        UserError: unknown preset or base, unusable settings, or stopped before anything was learned.
    """
    _check(request)
    Path(request.folder).mkdir(parents=True, exist_ok=True)
    with contextlib.closing(_adapt(request)) as updates:
        for update in updates:
            if update.error:
                raise UserError(update.error)
            yield update


def request_stop(folder: str | os.PathLike) -> None:
    """Ask the job that writes to this folder to stop and keep what it has."""
    with contextlib.suppress(OSError):
        (Path(folder) / STOP).touch()


@spaces.GPU(duration=gpu_seconds)
def _adapt(request: AdaptRequest) -> Iterator[Update]:
    """The job on the GPU's side: only plain values and files cross over, so errors travel as updates."""
    try:
        yield from _run(request)
    except UserError as error:
        yield Update("", error=str(error))


def _run(request: AdaptRequest) -> Iterator[Update]:
    yield Update(LOADING)
    from adapter.adaptation import loop  # loads torch, so the page is told first
    from adapter.media.images import to_tensor
    from adapter.service import models
    from adapter.service.people import Pairs, People

    generator, encoder = models.generator(request.base), models.encoder(request.encoder)
    preset = PRESETS[request.preset]
    people = People.draw(generator, request.people, request.cast)
    clock = _Clock(people, preset.seconds)
    yield Update(loop.PREPARING, 0, preset.method.pool, clock.left(None), preview=_preview(clock.first))

    reference = to_tensor(request.reference, max(256, generator.config.image_resolution))
    domain, steps, message = None, 0, ""
    with contextlib.closing(
        loop.adapt(
            generator,
            encoder,
            reference,
            preset.method,
            seed=request.seed,
            base=request.base,
            people=people.latents,
        )
    ) as events:
        for event in events:
            domain = event.domain or domain
            steps = event.step if event.losses else steps
            message = event.message or message
            if event.stage == loop.FAILED and domain is None:
                raise UserError(event.message)
            left = clock.left(event.seconds_left)
            preview = None
            if event.preview is not None:
                preview = _preview(Pairs(event.preview[:, 0], event.preview[:, 1]))
            yield Update(event.stage, event.step, event.total, left, clock.share(left), preview, event.message)
            if _stop_asked(request):
                if domain is None:
                    raise UserError("Stopped before anything was learned, so there is nothing to keep.")
                message = f"Stopped at step {steps} of {preset.method.steps}. What was learned so far is kept."
                break
    if Path(request.folder).is_dir():
        yield from _write(request, people, domain, steps, message, clock)


def _write(
    request: AdaptRequest, people: "People", domain: "Domain", steps: int, message: str, clock: "_Clock"
) -> Iterator[Update]:
    """Render with true sampling and write every file, the quick ones first."""
    from adapter.media.grids import sample_sheet, save_png
    from adapter.media.images import resize
    from adapter.service.people import People, Sway

    folder = Path(request.folder)
    domain.save(folder / "domain.safetensors")
    parts = domain.apply(people.generator, request.strength)
    crowd = People.draw(people.generator, GRID_PEOPLE, request.cast)
    views = [crowd.pairs(parts, yaw) for yaw in GRID_VIEWS]
    save_png(
        folder / "grid.png",
        sample_sheet([view.sources for view in views], [view.targets for view in views], GRID_TILE),
    )
    save_png(folder / "before.png", resize(views[0].sources[0], PORTRAIT))
    save_png(folder / "after.png", resize(views[0].targets[0], PORTRAIT))

    sway, rendered = Sway(), []
    clock.start(len(sway.poses))
    for yaw, pitch in sway.poses:
        pairs = people.pairs(parts, yaw, pitch)
        rendered.append(pairs.enlarged(VIDEO_TILE))
        left = clock.tick()
        preview = _preview(pairs) if len(rendered) % 4 == 1 else None
        yield Update(RENDERING, len(rendered), len(sway.poses), left, clock.share(left), preview, message)
        if _stop_asked(request):
            break
    complete = len(rendered) == len(sway.poses)
    if complete:
        yield Update(WRITING, 0, 0, _WRITING_SECONDS, clock.share(_WRITING_SECONDS), message=message)
        _write_videos(folder, [rendered[pose] for pose in sway.order])
    result = AdaptResult(
        domain=str(folder / "domain.safetensors"),
        grid=str(folder / "grid.png"),
        before=str(folder / "before.png"),
        after=str(folder / "after.png"),
        orbit=str(folder / "orbit.mp4") if complete else None,
        people=tuple(str(folder / f"person-{i + 1}.mp4") for i in range(request.people if complete else 0)),
        steps=steps,
        settings={
            "preset": request.preset,
            "steps": steps,
            "seed": request.seed,
            "strength": request.strength,
            "base": request.base,
            "encoder": request.encoder,
        },
    )
    yield Update(DONE, seconds_left=0.0, fraction=1.0, message=message, result=result)


def _write_videos(folder: Path, frames: "list[Pairs]") -> None:
    from adapter.media.grids import pair_sheet
    from adapter.media.video import write_mp4

    write_mp4(folder / "orbit.mp4", (pair_sheet(pair.sources, pair.targets, VIDEO_TILE) for pair in frames), FPS)
    for i in range(len(frames[0].sources)):
        person = (pair_sheet(pair.sources[i : i + 1], pair.targets[i : i + 1], VIDEO_TILE) for pair in frames)
        write_mp4(folder / f"person-{i + 1}.mp4", person, FPS)


def _preview(pairs: "Pairs") -> np.ndarray:
    from adapter.media.grids import pair_sheet

    return pair_sheet(pairs.sources, pairs.targets, PREVIEW_TILE, gap=6, band=36)


def _check(request: AdaptRequest) -> None:
    if request.preset not in PRESETS:
        raise UserError(f"There is no preset named {request.preset!r}. Choose from: {', '.join(PRESETS)}.")
    if not 0 <= request.strength <= 2:
        raise UserError("The strength must be a number from 0 to 2.")
    if not 0 <= request.seed < 2**31:
        raise UserError("The seed must be a whole number from 0 to 2147483647.")
    if not 1 <= request.people <= 12:
        raise UserError("A video shows from 1 to 12 people.")


def _stop_asked(request: AdaptRequest) -> bool:
    """Whether to stop; a request to stop counts once."""
    folder = Path(request.folder)
    try:
        (folder / STOP).unlink()
    except FileNotFoundError:
        return not folder.is_dir()
    return True


class _Clock:
    """Estimates the time to the end of the whole job; its first rendering times how long the orbit will take."""

    def __init__(self, people: "People", training: float) -> None:
        from adapter.service.people import Sway

        self.began = time.perf_counter()
        self.first = people.pairs(people.generator.parts())
        each = time.perf_counter() - self.began
        self.training, self.output = training, each * len(Sway().poses) + _WRITING_SECONDS
        self.poses, self.done, self.started = 0, 0, 0.0

    def left(self, training: float | None) -> float:
        """Seconds left while training, which itself takes another ``training`` seconds where that is known."""
        return (self.training if training is None else training) + self.output

    def share(self, left: float) -> float:
        """Share of the job that is done when ``left`` seconds are left."""
        spent = time.perf_counter() - self.began
        return spent / (spent + left)

    def start(self, poses: int) -> None:
        self.poses, self.done, self.started = poses, 0, time.perf_counter()

    def tick(self) -> float:
        """Seconds left after one more pose of the orbit."""
        self.done += 1
        each = (time.perf_counter() - self.started) / self.done
        return each * (self.poses - self.done) + _WRITING_SECONDS
