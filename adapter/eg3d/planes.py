"""Tri-planes as a value, and reading them at points in space."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.cpu import fast

AXES: dict[str, tuple[tuple[int, int], ...]] = {
    "xy-xz-zx": ((0, 1), (0, 2), (2, 0)),
    "xy-xz-zy": ((0, 1), (0, 2), (2, 1)),
}
"""For each plane, the coordinates along its width and its height. The first is EG3D's own (without a YZ plane)."""


@dataclass
class Planes:
    """The planes of N latents.

    Attributes:
        values: [N, P, C, R, R].
        axes: for each of the P planes, which coordinates run along its width and height.
        divisor: what the sum over planes is divided by; stays three when planes have been folded.
    """

    values: Tensor
    axes: tuple[tuple[int, int], ...]
    divisor: int = 3

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: slice | list[int] | Tensor) -> "Planes":
        """The planes of some of the latents."""
        return Planes(self.values[index], self.axes, self.divisor)

    def repeat(self, views: int) -> "Planes":
        """Each latent's planes ``views`` times in a row."""
        return Planes(self.values.repeat_interleave(views, dim=0), self.axes, self.divisor)

    @cached_property
    def rows(self) -> Tensor:
        """Every texel as a row [N, P * (R + 2)^2, C], the layout that reads fastest, with a border of zeros."""
        bordered = F.pad(self.values.detach(), (1, 1, 1, 1))
        return bordered.permute(0, 1, 3, 4, 2).flatten(1, 3).contiguous()


def fold(planes: Planes) -> Planes:
    """Add up planes that read the same pair of coordinates, transposed where the order differs. Exact.

    EG3D's XZ and ZX planes become one, so that each point needs two lookups instead of three.
    """
    merged: dict[tuple[int, int], Tensor] = {}
    for value, axes in zip(planes.values.unbind(dim=1), planes.axes, strict=True):
        swapped = axes[::-1]
        if swapped in merged:
            merged[swapped] = merged[swapped] + value.transpose(-1, -2)
        elif axes in merged:
            merged[axes] = merged[axes] + value
        else:
            merged[axes] = value
    if len(merged) == len(planes.axes):
        return planes
    return Planes(torch.stack(list(merged.values()), dim=1), tuple(merged), planes.divisor)


def lookup(planes: Planes, points: Tensor, box_warp: float) -> Tensor:
    """Features [N, K, C] at world ``points`` [N, K, 3], averaged over the planes; zero outside the box.

    Bilinear, pixel centres half a texel from the border (``align_corners=False``), zeros beyond it. Differentiable
    in planes and points; where no gradient is asked for, a faster way with the same result runs.
    """
    scaled = points * (2 / box_warp)
    wanted = torch.is_grad_enabled() and (planes.values.requires_grad or points.requires_grad)
    if wanted or not fast(points):
        return _interpolate(planes, scaled)
    return _gather(planes, scaled)


def _interpolate(planes: Planes, points: Tensor) -> Tensor:
    count, number, channels, height, width = planes.values.shape
    grid = torch.stack([points[..., list(axes)] for axes in planes.axes], dim=1)
    read = F.grid_sample(
        planes.values.reshape(count * number, channels, height, width),
        grid.reshape(count * number, -1, 1, 2),
        padding_mode="zeros",
        align_corners=False,
    )
    return read.reshape(count, number, channels, -1).sum(dim=1).transpose(1, 2) / planes.divisor


def _gather(planes: Planes, points: Tensor) -> Tensor:
    size = planes.values.shape[-1]
    # Beyond the border's centres every share falls on its zeros, so clamping there changes nothing.
    texels = (points * (size / 2) + (size - 1) / 2).clamp_(-1, size)
    corners = texels.floor().clamp_(max=size - 1)
    parts = texels.sub_(corners)
    rule = _corner_rule(planes.axes, size, planes.divisor)
    features = []
    for rows, corner, part in zip(planes.rows, corners, parts, strict=True):
        # Row numbers stay below 2^24, so floating point holds them exactly.
        index = torch.addmm(rule.first, corner, rule.strides).to(torch.int32)
        shares = torch.addmm(rule.across_first, part, rule.across)
        shares.mul_(torch.addmm(rule.down_first, part, rule.down))
        features.append(F.embedding_bag(index, rows, mode="sum", per_sample_weights=shares))
    # Stacking a single latent's features would copy them.
    return features[0][None] if len(features) == 1 else torch.stack(features)


@dataclass(frozen=True)
class _CornerRule:
    """Linear maps from a point's lower texel and its fractions [K, 3] to what the four texels around it need.

    Each has 4 P columns: planes, then lower and upper row, then left and right column. ``strides`` with ``first``
    give row numbers of `Planes.rows`; ``across`` and ``down`` with theirs give the two factors of each share.
    """

    strides: Tensor
    first: Tensor
    across: Tensor
    across_first: Tensor
    down: Tensor
    down_first: Tensor


@lru_cache(maxsize=32)
def _corner_rule(axes: tuple[tuple[int, int], ...], size: int, divisor: int) -> _CornerRule:
    pitch, number = size + 2, len(axes)
    strides, across, down = ([[[0.0] * 4 for _ in range(number)] for _ in range(3)] for _ in range(3))
    first, across_first, down_first = ([[0.0] * 4 for _ in range(number)] for _ in range(3))
    for plane, (horizontal, vertical) in enumerate(axes):
        for corner in range(4):
            lower, right = divmod(corner, 2)
            strides[horizontal][plane][corner] += 1
            strides[vertical][plane][corner] += pitch
            first[plane][corner] = plane * pitch**2 + (lower + 1) * pitch + right + 1
            across[horizontal][plane][corner] = 2 * right - 1
            across_first[plane][corner] = 1 - right
            down[vertical][plane][corner] = (2 * lower - 1) / divisor
            down_first[plane][corner] = (1 - lower) / divisor
    # Built outside of inference mode, as the cache outlives it.
    with torch.inference_mode(False):
        tables = (strides, first, across, across_first, down, down_first)
        return _CornerRule(*(torch.tensor(table, dtype=torch.float32).flatten(start_dim=-2) for table in tables))
