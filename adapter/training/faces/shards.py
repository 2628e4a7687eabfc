"""Shards: one file for some people and all their views, complete by itself."""

import os
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.training.faces.crop import inside

QUALITY = 95
PATTERN = "people_{:04d}.npz"


@dataclass(frozen=True)
class Shard:
    """P people with V views each, K = P * V pictures in the people's order.

    Attributes:
        z: [P, 512].
        psi: truncation [P].
        w: neutral identity latents [P, 512], see `latents.PoseSpace.neutral`.
        asked: yaw and pitch [P, V, 2] in radians that the views were made with.
        angles: measured yaw, pitch, roll [K, 3] in radians.
        scale: face widths in source sides [K].
        residual: of the pose fit in face widths [K].
        score: the detector's [K].
        usable: whether detector and pose fit agree that this is a whole face [K].
        landmarks: float32 [K, 468, 3] in source sides, see `mesh.MeshReader.read`.
        matrix: from source pixels to crop pixels [K, 2, 3].
        source: side of the source pictures in pixels, a number.
        picture: crops as JPEG, one after the other, uint8.
        picture_ends: where each ends [K].
        mask: the person's masks as PNG, one after the other, uint8.
        mask_ends: where each ends [K].
    """

    z: NDArray
    psi: NDArray
    w: NDArray
    asked: NDArray
    angles: NDArray
    scale: NDArray
    residual: NDArray
    score: NDArray
    usable: NDArray
    landmarks: NDArray
    matrix: NDArray
    source: NDArray
    picture: NDArray
    picture_ends: NDArray
    mask: NDArray
    mask_ends: NDArray

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def views(self) -> int:
        """Views of each person."""
        return self.asked.shape[1]

    def pictures(self) -> NDArray:
        """Decode the crops: RGB uint8 [K, S, S, 3]."""
        images = [cv2.imdecode(part, cv2.IMREAD_COLOR) for part in _parts(self.picture, self.picture_ends)]
        return np.stack([image[:, :, ::-1] for image in images])

    def masks(self) -> NDArray:
        """Decode the person's masks: uint8 [K, S, S]."""
        return np.stack([cv2.imdecode(part, cv2.IMREAD_GRAYSCALE) for part in _parts(self.mask, self.mask_ends)])

    def valid(self, size: int) -> NDArray:
        """Which pixels the source pictures show: bool [K, size, size]; the rest is reflection."""
        return np.stack([inside(matrix, int(self.source), size) for matrix in self.matrix])


def _parts(data: NDArray, ends: NDArray) -> list[NDArray]:
    return np.split(data, ends[:-1])


def encode(images: list[NDArray], kind: str) -> tuple[NDArray, NDArray]:
    """Encode RGB or gray images; return the bytes of all and where each ends.

    Args:
        images: uint8 [S, S, 3] or [S, S].
        kind: ".jpg" or ".png".
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if kind == ".jpg" else []
    if kind == ".jpg":
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    parts = [cv2.imencode(kind, image[..., ::-1] if image.ndim == 3 else image, options)[1] for image in images]
    return np.concatenate(parts), np.cumsum([len(part) for part in parts])


def save(shard: Shard, folder: Path, index: int) -> Path:
    """Write a shard in one step, so that a file that exists is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PATTERN.format(index)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **{field.name: getattr(shard, field.name) for field in fields(Shard)})
    os.replace(unfinished, path)
    return path


def load(path: Path) -> Shard:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return Shard(**{field.name: stored[field.name] for field in fields(Shard)})


def found(folder: Path) -> list[Path]:
    """The shards of a folder, in order."""
    return sorted(folder.glob(PATTERN.replace("{:04d}", "[0-9]" * 4)))


def missing(folder: Path, count: int) -> list[int]:
    """Indices below ``count`` whose shards are not there yet."""
    return [index for index in range(count) if not (folder / PATTERN.format(index)).exists()]
