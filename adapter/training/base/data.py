"""Batches of patches from the pre-rendered heads."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ARRAYS = ("color", "mask", "depth", "segmentation", "cameras", "latents")
SEGMENT_WEIGHTS = {
    "background": 0.7,
    "skin": 1.3,
    "lips": 5.0,
    "mouth": 6.0,
    "teeth": 6.0,
    "eye": 3.5,
    "iris": 4.0,
    "brow": 2.5,
    "lash": 2.5,
    "nose": 1.5,
    "beard": 2.0,
    "glasses": 2.0,
}
"""How much more than average an error counts by what is seen there; the rest count 1."""
FACE_PATCHES = 0.55
"""Share of patches drawn around the face instead of anywhere."""
INNER_BORDER = 4
"""Pixels at a patch's inner edges that do not count: super-resolution sees no context beyond them."""


@dataclass(frozen=True)
class Batch:
    """Patches of N identities seen from V views each; B = N * V, P raw pixels, S = P * scale final pixels.

    Attributes:
        latents: z [N, z].
        cameras: labels [B, 25].
        points: centres of the raw pixels in image sizes [B, P*P, 2] (u, v).
        color: truth [B, 3, S, S] in [-1, 1].
        mask: coverage [B, 1, S, S].
        depth: distance [B, 1, S, S], zero where nothing is seen.
        weight: [B, 1, S, S], by segment.
        valid: [B, 1, S, S], zero at inner patch edges.
    """

    latents: Tensor
    cameras: Tensor
    points: Tensor
    color: Tensor
    mask: Tensor
    depth: Tensor
    weight: Tensor
    valid: Tensor

    def to(self, device: str | torch.device) -> "Batch":
        """The batch on another device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


class Renders:
    """A folder of pre-rendered heads, read lazily."""

    def __init__(self, folder: str | Path, segments: tuple[str, ...]) -> None:
        self.arrays: dict[str, NDArray] = {
            name: np.load(Path(folder) / f"{name}.npy", mmap_mode="r") for name in ARRAYS
        }
        self.weights = np.array([SEGMENT_WEIGHTS.get(name, 1.0) for name in segments], np.float32)

    def __len__(self) -> int:
        return len(self.arrays["latents"])

    @property
    def views(self) -> int:
        """Views of each identity."""
        return self.arrays["color"].shape[1]

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self.arrays["color"].shape[2]

    def batch(self, rng: np.random.Generator, identities: int, views: int, patch: int, raw_size: int) -> Batch:
        """Draw patches of ``patch`` raw pixels out of ``raw_size``; a patch as large as that is the whole image."""
        who = np.repeat(rng.integers(len(self), size=identities), views)
        view = np.concatenate([rng.permutation(self.views)[:views] for _ in range(identities)])
        room = raw_size - patch
        corners = rng.integers(0, room + 1, (len(who), 2))
        around_face = np.clip(rng.normal([0.55, 0.5], [0.2, 0.22], (len(who), 2)) * room, 0, room).round().astype(int)
        corners = np.where(rng.random((len(who), 1)) < FACE_PATCHES, around_face, corners)
        scale = self.size // raw_size
        side = patch * scale

        def cut(name: str) -> NDArray:
            array = self.arrays[name]
            return np.stack(
                [
                    array[i, v, top : top + side, left : left + side]
                    for i, v, (top, left) in zip(who, view, corners * scale, strict=True)
                ]
            )

        valid = np.ones((len(who), 1, side, side), np.float32)
        for item, (top, left) in enumerate(corners):
            valid[item, :, : INNER_BORDER if top > 0 else 0] = 0
            valid[item, :, side - (INNER_BORDER if top < room else 0) :] = 0
            valid[item, :, :, : INNER_BORDER if left > 0 else 0] = 0
            valid[item, :, :, side - (INNER_BORDER if left < room else 0) :] = 0
        rows, columns = np.meshgrid(np.arange(patch), np.arange(patch), indexing="ij")
        pixels = np.stack([columns, rows], -1).reshape(1, -1, 2) + corners[:, None, ::-1]
        return Batch(
            latents=torch.from_numpy(np.array(self.arrays["latents"][who[::views]])),
            cameras=torch.from_numpy(np.array(self.arrays["cameras"][who, view])),
            points=torch.from_numpy(((pixels + 0.5) / raw_size).astype(np.float32)),
            color=torch.from_numpy(cut("color")).permute(0, 3, 1, 2).float() / 127.5 - 1,
            mask=torch.from_numpy(cut("mask"))[:, None].float() / 255,
            depth=torch.from_numpy(cut("depth").astype(np.float32))[:, None],
            weight=torch.from_numpy(self.weights[cut("segmentation")])[:, None],
            valid=torch.from_numpy(valid),
        )
