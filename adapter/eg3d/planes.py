"""Tri-planes as a value, and reading them at points in space."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

AXES: dict[str, tuple[tuple[int, int], ...]] = {
    "xy-xz-zx": ((0, 1), (0, 2), (2, 0)),
    "xy-xz-zy": ((0, 1), (0, 2), (2, 1)),
}
"""For each plane, the coordinates along its width and its height. The first is EG3D's own (without a YZ plane)."""


@dataclass
class Planes:
    """The planes of N latents.

    Attributes:
        values: [N, P, C, H, W].
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
        """Every texel as a row [N, P*H*W, C], the layout that reads fastest."""
        return self.values.detach().permute(0, 1, 3, 4, 2).flatten(1, 3).contiguous()


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
    if torch.is_grad_enabled() and (planes.values.requires_grad or points.requires_grad):
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
    _, number, _, height, width = planes.values.shape
    size = points.new_tensor([width, height])
    features = []
    for rows, where in zip(planes.rows, points, strict=True):
        index = torch.empty(len(where), number, 2, 2, dtype=torch.int32, device=where.device)
        weight = torch.empty(len(where), number, 2, 2, device=where.device)
        for plane, axes in enumerate(planes.axes):
            texel = (where[:, list(axes)] + 1) * (size / 2) - 0.5
            first = texel.floor()
            part = texel - first
            low = first.to(torch.int32)
            columns, row_starts, across, down = [], [], [], []
            for step in (0, 1):
                x, y = low[:, 0] + step, low[:, 1] + step
                shares = part if step else 1 - part
                across.append(shares[:, 0] * ((x >= 0) & (x < width)))
                down.append(shares[:, 1] * ((y >= 0) & (y < height)))
                columns.append(x.clamp(0, width - 1))
                row_starts.append(y.clamp(0, height - 1) * width + plane * height * width)
            for j in (0, 1):
                for i in (0, 1):
                    torch.add(row_starts[j], columns[i], out=index[:, plane, j, i])
                    torch.mul(down[j], across[i], out=weight[:, plane, j, i])
        flat = number * 4
        features.append(
            F.embedding_bag(
                index.view(-1, flat),
                rows,
                mode="sum",
                per_sample_weights=weight.view(-1, flat) / planes.divisor,
            )
        )
    return torch.stack(features)
