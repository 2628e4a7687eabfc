"""The files of a result: sheets, portraits and orbit videos of people in two worlds."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from adapter.media.grids import pair_sheet, sample_sheet, save_png
from adapter.media.images import resize
from adapter.media.video import write_mp4
from adapter.service.jobs import stop_asked
from adapter.service.requests import (
    DONE,
    RENDERING,
    WRITING,
    AdaptRequest,
    AdaptResult,
    PresentRequest,
    Snapshot,
    Update,
)
from adapter.service.scene import Identities, Pairs, Scene, Stage, SwingPath

GRID_PEOPLE = 6
GRID_VIEWS = (0.0, -0.4)
PREVIEW_TILE, VIDEO_TILE, GRID_TILE, PORTRAIT = 256, 384, 256, 512
FPS = 24
WRITING_SECONDS = 3.0


class Clock:
    """Estimates the time to the end of the whole job; its first rendering times how long the orbit will take."""

    def __init__(self, scene: Scene, training: float) -> None:
        self.began = time.perf_counter()
        self.first = scene.pairs()
        each = time.perf_counter() - self.began
        self.training, self.output = training, each * len(SwingPath().poses) + WRITING_SECONDS
        self.poses, self.done, self.started = 0, 0, 0.0

    def left(self, training: float | None) -> float:
        """Seconds left while training, which itself takes another ``training`` seconds where that is known."""
        return (self.training if training is None else training) + self.output

    def share(self, left: float) -> float:
        """Share of the job that is done when ``left`` seconds are left."""
        spent = time.perf_counter() - self.began
        return spent / (spent + left)

    def start(self, poses: int) -> None:
        """The orbit begins."""
        self.poses, self.done, self.started = poses, 0, time.perf_counter()

    def tick(self) -> float:
        """Seconds left after one more pose of the orbit."""
        self.done += 1
        each = (time.perf_counter() - self.started) / self.done
        return each * (self.poses - self.done) + WRITING_SECONDS


def preview(pairs: Pairs) -> np.ndarray:
    """The sheet that is shown while a job runs: uint8 [H, W, 3]."""
    return pair_sheet(pairs.sources, pairs.targets, PREVIEW_TILE, gap=6, band=36)


def people_sheet(stage: Stage, people: Identities) -> np.ndarray:
    """Everyone from two sides, sources above targets: uint8 [H, W, 3]."""
    return _sheet([stage(people).pairs(yaw) for yaw in GRID_VIEWS])


def write(
    request: AdaptRequest | PresentRequest,
    stage: Stage,
    people: Identities,
    clock: Clock,
    *,
    domain: Path | None,
    steps: int,
    settings: dict[str, Any],
    snapshots: tuple[Snapshot, ...] = (),
    message: str = "",
) -> Iterator[Update]:
    """Render with true sampling and write every file, the quick ones first.

    Args:
        request: where to, and who is shown.
        stage: puts people into both worlds.
        people: of the videos.
        domain: the file it was made from or written to, None where there is none.
        steps, settings, snapshots, message: for the result.

    Yields:
        Updates, the last one with the result.
    """
    folder = Path(request.folder)
    crowd = stage(Identities.draw(people.generator, GRID_PEOPLE, request.cast, request.truncation))
    views = [crowd.pairs(yaw) for yaw in GRID_VIEWS]
    save_png(folder / "grid.png", _sheet(views))
    save_png(folder / "before.png", resize(views[0].sources[0], PORTRAIT))
    save_png(folder / "after.png", resize(views[0].targets[0], PORTRAIT))

    scene, sway, rendered = stage(people), SwingPath(), []
    clock.start(len(sway.poses))
    for pairs in scene.along(sway.poses):
        rendered.append(pairs.enlarged(VIDEO_TILE))
        left = clock.tick()
        shown = preview(pairs) if len(rendered) % 4 == 1 else None
        yield Update(RENDERING, len(rendered), len(sway.poses), left, clock.share(left), shown, message)
        if stop_asked(folder):
            break
    complete = len(rendered) == len(sway.poses)
    if complete:
        yield Update(WRITING, 0, 0, WRITING_SECONDS, clock.share(WRITING_SECONDS), message=message)
        complete = _write_videos(folder, rendered, sway.order)
    result = AdaptResult(
        domain=None if domain is None else str(domain),
        grid=str(folder / "grid.png"),
        before=str(folder / "before.png"),
        after=str(folder / "after.png"),
        orbit=str(folder / "orbit.mp4") if complete else None,
        people=tuple(str(folder / f"person-{i + 1}.mp4") for i in range(request.people if complete else 0)),
        steps=steps,
        settings=settings,
        snapshots=snapshots,
    )
    yield Update(DONE, seconds_left=0.0, fraction=1.0, message=message, result=result)


def _sheet(views: list[Pairs]) -> np.ndarray:
    return sample_sheet([view.sources for view in views], [view.targets for view in views], GRID_TILE)


def _write_videos(folder: Path, poses: list[Pairs], order: list[int]) -> bool:
    """The orbit of everyone and one of each person; ``order`` names the pose of each frame.

    Returns:
        False where the folder was removed meanwhile, which is not brought back.
    """
    everyone = slice(None)
    names = {"orbit": everyone} | {f"person-{i + 1}": slice(i, i + 1) for i in range(len(poses[0].sources))}

    def write_one(name: str) -> bool:
        who = names[name]
        if not folder.is_dir():
            return False
        sheets = (pair_sheet(pose.sources[who], pose.targets[who], VIDEO_TILE) for pose in poses)
        write_mp4(folder / f"{name}.mp4", sheets, FPS, order=order)
        return True

    # Small frames leave an encoder's own threads idle.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return all(pool.map(write_one, names))
