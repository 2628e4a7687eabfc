"""Tri-plane lookup as a weighted sum of table rows, without gradient: four texels of each plane per point."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.cpu import eligible, native
from adapter.eg3d.planes import Planes


def lookup(planes: Planes, points: Tensor, box_warp: float) -> Tensor | None:
    """`adapter.eg3d.plane_lookup.lookup` where neither planes nor points need a gradient."""
    needs_grad = torch.is_grad_enabled() and (planes.values.requires_grad or points.requires_grad)
    if needs_grad or not eligible(points):
        return None
    if (compiled := native.lookup(planes, points, box_warp)) is not None:
        return compiled
    size = planes.values.shape[-1]
    # Beyond the centers of the border all weights fall on its zeros, so clamping there changes nothing.
    texels = (points * (size / box_warp) + (size - 1) / 2).clamp_(-1, size)
    corners = texels.floor().clamp_(max=size - 1)
    fractions = texels.sub_(corners)
    table = _corner_table(planes.axes, size, planes.divisor)
    features = []
    for rows, corner, fraction in zip(planes.texel_rows, corners, fractions, strict=True):
        # Row numbers stay below 2^24, so floating point holds them exactly.
        index = torch.addmm(table.first, corner, table.strides).to(torch.int32)
        weights = torch.addmm(table.across_first, fraction, table.across)
        weights.mul_(torch.addmm(table.down_first, fraction, table.down))
        features.append(F.embedding_bag(index, rows, mode="sum", per_sample_weights=weights))
    # Stacking the features of a single latent would copy them.
    return features[0][None] if len(features) == 1 else torch.stack(features)


@dataclass(frozen=True)
class _CornerTable:
    """Affine maps from a point's lower texel and its fractions [K, 3] to the four texels around it.

    Each has 4 P columns: planes, then lower and upper row, then left and right column. ``strides`` and ``first``
    give row numbers of `Planes.texel_rows`; ``across`` and ``down`` with theirs give the two factors of each weight.
    """

    strides: Tensor
    first: Tensor
    across: Tensor
    across_first: Tensor
    down: Tensor
    down_first: Tensor


@lru_cache(maxsize=32)
def _corner_table(axes: tuple[tuple[int, int], ...], size: int, divisor: int) -> _CornerTable:
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
        return _CornerTable(*(torch.tensor(table, dtype=torch.float32).flatten(start_dim=-2) for table in tables))
