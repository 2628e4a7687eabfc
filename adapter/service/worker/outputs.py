"""What a result shows, rendered: people in two worlds, from several sides and along the orbit."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adapter.eg3d.camera import SwingPath
from adapter.media.grids import pair_sheet
from adapter.result import GRID_PEOPLE, GRID_VIEWS
from adapter.scene import Identities, Pairs, Scene, SceneFactory
from adapter.service.cancellation import stop_requested
from adapter.service.requests import (
    DONE,
    RENDERING,
    WRITING,
    AdaptRequest,
    AdaptResult,
    RenderRequest,
    Snapshot,
    Update,
)
from adapter.service.result_files import RenderedResult
from adapter.service.time_left import WRITING_SECONDS, TimeLeft

PATH = SwingPath()
PREVIEW_TILE = 256
_POSES_PER_PREVIEW = 4


def preview(pairs: Pairs) -> np.ndarray:
    """The sheet that is shown while a job runs: uint8 [H, W, 3]."""
    return pair_sheet(pairs.sources, pairs.targets, PREVIEW_TILE, gap=6, band=36)


def timed(scene: Scene, device: torch.device) -> tuple[Pairs, float]:
    """Everyone from the front, and the seconds that this takes.

    On a GPU the first time does not count: kernels are loaded and chosen then.
    """
    if device.type != "cpu":
        scene.pairs()
    started = time.perf_counter()
    pairs = scene.pairs()
    return pairs, time.perf_counter() - started


def render_result(
    request: AdaptRequest | RenderRequest,
    factory: SceneFactory,
    people: Identities,
    clock: TimeLeft,
    *,
    domain: str | None,
    settings: dict[str, Any],
    snapshots: tuple[Snapshot, ...] = (),
    message: str = "",
) -> Iterator[Update]:
    """Render everything that a result shows.

    Args:
        request: the folder, and who is shown.
        factory: makes a scene of people as sources and targets.
        people: of the videos.
        clock: estimates the time left.
        domain: path of the domain's file; None for a method without one.
        settings, snapshots, message: for the result.

    Yields:
        Updates: the last but one with what is still to be written, the last one with the result.
    """
    folder = Path(request.folder)
    crowd = factory(Identities.draw(people.generator, GRID_PEOPLE, request.cast, request.truncation))
    views = [crowd.pairs(yaw) for yaw in GRID_VIEWS]
    poses: list[Pairs] = []
    total = len(PATH.poses)
    clock.start_rendering()
    for pairs in factory(people).along(PATH.poses):
        poses.append(pairs)
        left = clock.after_pose()
        shown = preview(pairs) if len(poses) % _POSES_PER_PREVIEW == 1 else None
        yield Update(RENDERING, len(poses), total, left, clock.fraction(left), shown, message)
        if stop_requested(folder):
            break
    complete = len(poses) == total
    rendered = RenderedResult(views, poses if complete else [], PATH.order)
    fraction = clock.fraction(WRITING_SECONDS)
    yield Update(WRITING, 0, 0, WRITING_SECONDS, fraction, message=message, rendered=rendered)
    result = AdaptResult(
        domain=domain,
        grid=str(folder / "grid.png"),
        before=str(folder / "before.png"),
        after=str(folder / "after.png"),
        orbit=str(folder / "orbit.mp4") if complete else None,
        people=tuple(str(folder / f"person-{i + 1}.mp4") for i in range(request.people if complete else 0)),
        steps=settings["steps"],
        settings=settings,
        snapshots=snapshots,
    )
    yield Update(DONE, seconds_left=0.0, fraction=1.0, message=message, result=result)
