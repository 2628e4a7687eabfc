"""The files of a result. A GPU's worker renders pictures; they are encoded when the GPU has been given back."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapter.media.grids import pair_sheet, save_png
from adapter.media.images import resize
from adapter.media.video import write_mp4
from adapter.result import FPS, VIDEO_TILE, views_sheet
from adapter.scene import Pairs
from adapter.utils.threads import usable_cores

PORTRAIT = 512


@dataclass(frozen=True)
class RenderedResult:
    """What a job rendered, see `adapter.service.requests.Rendered`.

    Args:
        views: the grid's people from each of its sides.
        poses: the people of the videos from each pose of the orbit; none if the orbit was left out.
        order: of the poses in the videos.
    """

    views: Sequence[Pairs]
    poses: Sequence[Pairs]
    order: Sequence[int]

    def write(self, folder: Path) -> bool:
        """Write all files, the quick ones first; a folder that was removed is not made again.

        Returns:
            Whether there are videos.
        """
        if not folder.is_dir():
            return False
        save_png(folder / "grid.png", views_sheet(self.views))
        save_png(folder / "before.png", resize(self.views[0].sources[0], PORTRAIT))
        save_png(folder / "after.png", resize(self.views[0].targets[0], PORTRAIT))
        return bool(self.poses) and self._write_videos(folder)

    def _write_videos(self, folder: Path) -> bool:
        """Write the orbit of everyone and one of each person; whether the folder was there all the time."""
        people = len(self.poses[0].sources)
        rows = {"orbit": slice(None)} | {f"person-{i + 1}": slice(i, i + 1) for i in range(people)}

        def write_one(name: str) -> bool:
            who = rows[name]
            if not folder.is_dir():
                return False
            sheets = (pair_sheet(list(pose.sources[who]), list(pose.targets[who]), VIDEO_TILE) for pose in enlarged)
            write_mp4(folder / f"{name}.mp4", sheets, FPS, order=self.order)
            return True

        # Small frames leave an encoder's own threads idle.
        with ThreadPoolExecutor(usable_cores()) as pool:
            enlarged = list(pool.map(lambda pose: pose.enlarged(VIDEO_TILE), self.poses))
            return all(pool.map(write_one, rows))


@dataclass(frozen=True)
class RenderedFilm:
    """The frames of a video, sources beside targets, see `adapter.service.requests.Rendered`.

    Args:
        file: the MP4.
        frames: of the video, or its distinct ones.
        tile, gap: see `pair_sheet`.
        order: of the frames; as they are where None.
    """

    file: Path
    frames: Sequence[Pairs]
    tile: int
    gap: int
    order: Sequence[int] | None = None

    def write(self, folder: Path) -> bool:
        """Write the video; whether its folder was there."""
        if not folder.is_dir():
            return False
        with ThreadPoolExecutor(usable_cores()) as pool:
            sheets = list(pool.map(self._sheet, self.frames))
        write_mp4(self.file, sheets, FPS, order=self.order)
        return True

    def _sheet(self, pair: Pairs) -> np.ndarray:
        return pair_sheet(list(pair.sources), list(pair.targets), self.tile, self.gap)
