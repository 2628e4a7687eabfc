"""The video of a walk, on the GPU's side."""

from collections.abc import Iterator
from pathlib import Path

from adapter.latents.walks import WalkPath, walk_frames
from adapter.media.images import to_uint8
from adapter.scene import Pairs
from adapter.service import models
from adapter.service.requests import RENDERING, Update
from adapter.service.result_files import RenderedFilm

MEASURING = "Measuring the walk"


def write_walk(
    path: WalkPath, frames: int, file: Path, aim: tuple[float, float, float], tile: int, gap: int
) -> Iterator[Update]:
    """Measure and render a walk; the video is written when the worker has ended.

    Args:
        path: the walk.
        frames: of the loop.
        file: the MP4.
        aim: yaw, pitch and zoom of the camera.
        tile, gap: see `pair_sheet`.
    """
    shown: list[Pairs] = []
    for step in walk_frames(path, frames, models.lpips(), *aim):
        if step.pair is not None:
            source, target = step.pair
            shown.append(Pairs(to_uint8(source.image), to_uint8(target.image)))
        stage = RENDERING if shown else MEASURING
        yield Update(stage, step.done, step.total, fraction=step.done / step.total)
    film = RenderedFilm(file, shown, tile, gap)
    yield Update(RENDERING, fraction=1.0, file=str(file), rendered=film)
