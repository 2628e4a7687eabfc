"""The files of a result: sheets, portraits and orbit videos of people in two worlds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from adapter.eg3d.camera import SwingPath
from adapter.media.grids import pair_sheet, save_png
from adapter.media.images import resize
from adapter.media.video import write_mp4
from adapter.result import FPS, GRID_PEOPLE, GRID_VIEWS, VIDEO_TILE, views_sheet
from adapter.scene import Identities, Pairs, SceneFactory
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
from adapter.service.time_left import WRITING_SECONDS, TimeLeft
from adapter.utils.threads import usable_cores

PATH = SwingPath()
PREVIEW_TILE, PORTRAIT = 256, 512
_POSES_PER_PREVIEW = 4


def preview(pairs: Pairs) -> np.ndarray:
    """The sheet that is shown while a job runs: uint8 [H, W, 3]."""
    return pair_sheet(pairs.sources, pairs.targets, PREVIEW_TILE, gap=6, band=36)


def write(
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
    """Render the final images and write every file, the quick ones first.

    Args:
        request: the folder, and who is shown.
        factory: makes a scene of people as sources and targets.
        people: of the videos.
        clock: estimates the time left.
        domain: path of the domain's file; None for a method without one.
        settings, snapshots, message: for the result.

    Yields:
        Updates, the last one with the result.
    """
    folder = Path(request.folder)
    crowd = factory(Identities.draw(people.generator, GRID_PEOPLE, request.cast, request.truncation))
    views = [crowd.pairs(yaw) for yaw in GRID_VIEWS]
    save_png(folder / "grid.png", views_sheet(views))
    save_png(folder / "before.png", resize(views[0].sources[0], PORTRAIT))
    save_png(folder / "after.png", resize(views[0].targets[0], PORTRAIT))

    rendered: list[Pairs] = []
    total = len(PATH.poses)
    clock.start_rendering()
    for pairs in factory(people).along(PATH.poses):
        rendered.append(pairs.enlarged(VIDEO_TILE))
        left = clock.after_pose()
        shown = preview(pairs) if len(rendered) % _POSES_PER_PREVIEW == 1 else None
        yield Update(RENDERING, len(rendered), total, left, clock.fraction(left), shown, message)
        if stop_requested(folder):
            break
    complete = len(rendered) == total
    if complete:
        yield Update(WRITING, 0, 0, WRITING_SECONDS, clock.fraction(WRITING_SECONDS), message=message)
        complete = _write_videos(folder, rendered)
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


def _write_videos(folder: Path, poses: list[Pairs]) -> bool:
    """Write the orbit of everyone and one of each person.

    Returns:
        False if the folder was removed meanwhile; it is not made again.
    """
    rows = {"orbit": slice(None)} | {f"person-{i + 1}": slice(i, i + 1) for i in range(len(poses[0].sources))}

    def write_one(name: str) -> bool:
        who = rows[name]
        if not folder.is_dir():
            return False
        sheets = (pair_sheet(pose.sources[who], pose.targets[who], VIDEO_TILE) for pose in poses)
        write_mp4(folder / f"{name}.mp4", sheets, FPS, order=PATH.order)
        return True

    # Small frames leave an encoder's own threads idle.
    with ThreadPoolExecutor(usable_cores()) as pool:
        return all(pool.map(write_one, rows))
