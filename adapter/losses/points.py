"""Sets of points: tokens or colours [N, T, C] (image, position, channel), their places, and their thinning."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MINIMUM_NORM = 1e-4


def unit(x: Tensor, dim: int = -1, minimum_norm: Tensor | float = MINIMUM_NORM) -> Tensor:
    """Divide by the Euclidean norm along ``dim``, at least ``minimum_norm``; a zero vector stays zero."""
    return x / torch.linalg.vector_norm(x, dim=dim, keepdim=True).clamp_min(minimum_norm)


def grid_points(images: Tensor, side: int) -> Tensor:
    """Means of images [N, C, H, W] over the cells of a square grid, no finer than they are: [N, T, C], row by row."""
    return F.adaptive_avg_pool2d(images, min(side, images.shape[-1])).flatten(2).transpose(1, 2)


def grid_places(count: int, device: torch.device | None = None) -> Tensor:
    """Places [T, 2] of the T cells of a square grid, row by row, in [-1, 1]; on the CPU where no device is named.

    Raises:
        ValueError: T is not a square.
    """
    side = math.isqrt(count)
    if side * side != count:
        raise ValueError(f"{count} points are no square grid.")
    along = (torch.arange(side, device=device) + 0.5) * 2 / side - 1
    return torch.cartesian_prod(along, along)


def place_costs(count: int, pictures: int, weight: float) -> Tensor:
    """Ours: half the squared distance, times the squared weight, of T places to those of several pictures [T, M]."""
    places = weight * grid_places(count)
    return (torch.cdist(places, places).square() / 2).repeat(1, pictures)


def with_places(points: Tensor, weight: float) -> Tensor:
    """Ours: points [N, T, C] of a square grid with their places, times a weight, as two more coordinates.

    The weight, in units of the points, says how much it counts where in the picture a point is.
    """
    places = (weight * grid_places(points.shape[1], points.device)).to(points)
    return torch.cat([points, places.expand(len(points), -1, -1)], dim=2)


def thin_out(points: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Every k-th of points [N, T, C] from a random start, so that at most ``count`` remain."""
    return points[:, thinning(points.shape[1], count, random)]


def thinning(total: int, count: int, random: torch.Generator) -> slice:
    """Every k-th of ``total`` places from a random start, so that at most ``count`` remain."""
    stride = -(-total // count)
    return slice(int(torch.randint(stride, (), generator=random)), None, stride)
