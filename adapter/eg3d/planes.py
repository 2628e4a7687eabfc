"""Tri-planes as a value."""

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
    def texel_rows(self) -> Tensor:
        """Every texel as a row [N, P * (R + 2)^2, C], with a border of zeros: the layout that the CPU reads fastest."""
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
