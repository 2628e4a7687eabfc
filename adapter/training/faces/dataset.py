"""The people as arrays, prepared once, and batches of patches out of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.camera import look_at
from adapter.training.faces.depth import distance_map, surface_weights
from adapter.training.faces.front_features import FRONTS, front_path
from adapter.training.faces.matting import own_colors
from adapter.training.faces.pose import Similarity, fit
from adapter.training.faces.shards import Shard, found, load

SIZE, RAW = 256, 64
"""Sides of the pictures and of the rendered features in pixels."""
ARRAYS = ("color", "mask", "valid", "weight", "depth", "camera", "usable", "w", "landmarks")
EYES = (
    (33, 133, 159, 145, 160, 144, 158, 153, 70, 63, 105, 66, 107),
    (
        263,
        362,
        386,
        374,
        387,
        373,
        385,
        380,
        300,
        293,
        334,
        296,
        336,
    ),
)
MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""Mesh points around eyes with brows, and around the lips."""
EYE_MARGIN, MOUTH_MARGIN = 13, 9
"""Pixels by which these regions grow; glasses fit within the first."""
FEATURE_WEIGHT = 3.0
"""How much an error within them counts; elsewhere it counts 1."""
FACE_PATCHES = 0.65
"""Share of patches drawn around the face instead of anywhere."""


@dataclass(frozen=True)
class Batch:
    """Patches of N people from V views each; B = N * V, P rays a side, S final pixels a side.

    Attributes:
        w: identity latents [N, 512], see `latents.PoseSpace.neutral`.
        camera: labels [B, 25].
        points: where the rays pass, in image sides [B, P * P, 2] (u, v).
        color: the people's own colors [B, 3, S, S] in [-1, 1], without background.
        mask: coverage [B, 1, S, S].
        valid: where the truth is known [B, 1, S, S].
        weight: by region [B, 1, S, S].
        depth: distance [B, 1, P, P], zero where unknown.
        origin: place of the patch's corner in image sides and its side [B, 3].
        front: stored features of the front picture [N, K, 64, 64] and [N, K, 128, 128], see
            `adapter.training.faces.front_features`.
    """

    w: Tensor
    camera: Tensor
    points: Tensor
    color: Tensor
    mask: Tensor
    valid: Tensor
    weight: Tensor
    depth: Tensor
    origin: Tensor
    front: tuple[Tensor, Tensor]


def prepare(shard: Shard, surface: NDArray, template: NDArray) -> dict[str, NDArray]:
    """Turn a shard into the arrays named in `ARRAYS`, each with one row a picture but for ``w`` [P, 512]."""
    pictures, masks = shard.pictures(), shard.masks()
    pose = fit(template, shard.landmarks)
    color = np.stack(
        [own_colors(picture, mask.astype(np.float32) / 255) for picture, mask in zip(pictures, masks, strict=True)]
    )
    depth, weight, marks = [], [], []
    for k, points in enumerate(shard.landmarks):
        one = Similarity(*(part[k : k + 1] for part in pose))
        depth.append(distance_map(points, one, shard.matrix[k], surface, int(shard.source), RAW, SIZE))
        flat = points[:, :2] * int(shard.source) @ shard.matrix[k][:, :2].T + shard.matrix[k][:, 2]
        weight.append(feature_regions(flat))
        marks.append(flat / SIZE)
    return {
        "color": color,
        "mask": masks,
        "valid": shard.valid(SIZE).astype(np.uint8),
        "weight": np.stack(weight).astype(np.uint8),
        "depth": np.stack(depth).astype(np.float16),
        "camera": look_at((-shard.angles[:, 0]).tolist(), (-shard.angles[:, 1]).tolist()).numpy(),
        "usable": shard.usable,
        "w": shard.w,
        "landmarks": np.stack(marks).astype(np.float32),
    }


def feature_regions(points: NDArray) -> NDArray:
    """Mark eyes with brows and the mouth: uint8 [256, 256] of 0 and 1, for mesh points [468, 2] in pixels."""
    marked = np.zeros((SIZE, SIZE), np.uint8)
    for group, margin in ((EYES[0], EYE_MARGIN), (EYES[1], EYE_MARGIN), (MOUTH, MOUTH_MARGIN)):
        hull = cv2.convexHull(np.round(points[list(group)]).astype(np.int32))
        own = cv2.fillConvexPoly(np.zeros_like(marked), hull, 1)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
        marked |= cv2.dilate(own, kernel)
    return marked


class People:
    """All people of some shards, prepared on first use and then read from disk as needed."""

    def __init__(self, folder: Path, prepared: Path, template: NDArray, shards: Sequence[int] | None = None) -> None:
        paths = found(folder)
        if shards is not None:
            paths = [paths[k] for k in shards]
        surface = None
        parts = []
        for path in paths:
            own = prepared / path.stem
            if not (own / f"{ARRAYS[-1]}.npy").exists():
                surface = surface_weights(template) if surface is None else surface
                own.mkdir(parents=True, exist_ok=True)
                for name, array in prepare(load(path), surface, template).items():
                    np.save(own / f"{name}.npy", array)
            parts.append({name: np.load(own / f"{name}.npy", mmap_mode="r") for name in ARRAYS})
            for level, name in enumerate(FRONTS):
                parts[-1][name] = np.load(front_path(prepared, path.stem, level), mmap_mode="r")
        self._parts = parts
        self.w = np.concatenate([part["w"] for part in parts])
        self.views = len(parts[0]["camera"]) // len(parts[0]["w"])
        usable = np.concatenate([part["usable"].reshape(-1, self.views) for part in parts])
        self.usable = usable
        self.whole = np.flatnonzero(usable.all(axis=1))
        self._first = np.cumsum([0, *(len(part["w"]) for part in parts)])

    def __len__(self) -> int:
        return len(self.w)

    def view(self, name: str, person: int, view: int) -> NDArray:
        """One array of one picture."""
        part = int(np.searchsorted(self._first, person, side="right")) - 1
        return self._parts[part][name][(person - self._first[part]) * self.views + view]

    def batch(self, rng: np.random.Generator, count: int, views: int, patch: int) -> Batch:
        """Draw patches of ``patch`` raw pixels of people of whom all views are usable."""
        people = rng.choice(self.whole, count, replace=False)
        return self.cut(people, [rng.permutation(self.views)[:views] for _ in people], patch, rng)

    def overview(self, rng: np.random.Generator, count: int, views: int) -> Batch:
        """Draw whole pictures with only every other raw pixel's ray in either direction: P is 32 and S is 256."""
        people = rng.choice(self.whole, count, replace=False)
        batch = self.cut(people, [rng.permutation(self.views)[:views] for _ in people], RAW)
        rays = RAW // 2
        centers = (torch.arange(rays) + 0.5) / rays
        v, u = torch.meshgrid(centers, centers, indexing="ij")
        seen = F.avg_pool2d((batch.depth > 0).float(), 2)
        depth = torch.where(seen > 0, F.avg_pool2d(batch.depth, 2) / seen.clamp(min=0.1), 0.0)
        points = torch.stack([u, v], dim=-1).reshape(1, -1, 2).expand(len(depth), -1, -1)
        return replace(batch, points=points, depth=depth)

    def cut(
        self, people: NDArray, views: Sequence[NDArray], patch: int, rng: np.random.Generator | None = None
    ) -> Batch:
        """Cut patches out of given people and views, at random places, or the whole where it fits."""
        chosen = [(person, view) for person, own in zip(people, views, strict=True) for view in own]
        corners = _corners(rng, len(chosen), RAW - patch)
        scale, side = SIZE // RAW, patch * (SIZE // RAW)
        cuts: dict[str, list[NDArray]] = {name: [] for name in ("color", "mask", "valid", "weight", "depth")}
        for (person, view), (top, left) in zip(chosen, corners, strict=True):
            for name, parts in cuts.items():
                step, length = (1, patch) if name == "depth" else (scale, side)
                array = self.view(name, person, view)
                parts.append(array[top * step : top * step + length, left * step : left * step + length])
        arrays = {name: torch.from_numpy(np.stack(parts)) for name, parts in cuts.items()}
        row, column = np.mgrid[:patch, :patch]
        inner = np.stack([column, row], axis=-1).reshape(1, -1, 2) + corners[:, None, ::-1] + 0.5
        origin = np.concatenate([corners[:, ::-1] / RAW, np.full((len(corners), 1), patch / RAW)], axis=1)
        return Batch(
            w=torch.from_numpy(self.w[people]),
            camera=torch.from_numpy(np.stack([self.view("camera", *which) for which in chosen])),
            points=torch.from_numpy((inner / RAW).astype(np.float32)),
            color=arrays["color"].permute(0, 3, 1, 2).float() / 127.5 - 1,
            mask=arrays["mask"][:, None].float() / 255,
            valid=arrays["valid"][:, None].float(),
            weight=1 + (FEATURE_WEIGHT - 1) * arrays["weight"][:, None].float(),
            depth=arrays["depth"][:, None].float(),
            origin=torch.from_numpy(origin.astype(np.float32)),
            front=self.front(people),
        )

    def front(self, people: NDArray) -> tuple[Tensor, Tensor]:
        """Stored front features [N, K, 64, 64] and [N, K, 128, 128] of people [N]."""
        rows: dict[str, list[NDArray]] = {name: [] for name in FRONTS}
        for person in people:
            part = int(np.searchsorted(self._first, person, side="right")) - 1
            for name, found_rows in rows.items():
                found_rows.append(self._parts[part][name][person - self._first[part]])
        before, last = (torch.from_numpy(np.stack(rows[name])).float() for name in FRONTS)
        return before, last


def _corners(rng: np.random.Generator | None, count: int, room: int) -> NDArray:
    """Rows and columns [count, 2] of patch corners among ``room`` + 1 places; zero without a random generator."""
    if rng is None or room == 0:
        return np.zeros((count, 2), int)
    anywhere = rng.integers(0, room + 1, (count, 2))
    face = np.clip(rng.normal([0.5, 0.5], [0.22, 0.22], (count, 2)) * room, 0, room).round().astype(int)
    return np.where(rng.random((count, 1)) < FACE_PATCHES, face, anywhere)
