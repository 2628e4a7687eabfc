"""Thin-plate splines (Bookstein 1989): the smoothest map of the plane that carries points to given values."""

import torch
from torch import Tensor

STIFFNESS = 1e-3
"""Added to the diagonal, so that points that almost coincide do not tear the plane."""


def thin_plate(points: Tensor, values: Tensor, places: Tensor) -> Tensor:
    """Values at places between and beyond the points.

    Args:
        points: [P, 2], at least 3 of them not on a line.
        values: of the points [P, C].
        places: [Q, 2].

    Returns:
        [Q, C], in the places' dtype.
    """
    points, values = points.double(), values.double()
    count = len(points)
    affine = torch.cat([torch.ones_like(points[:, :1]), points], dim=1)
    system = points.new_zeros(count + 3, count + 3)
    system[:count, :count] = _bending(points, points) + STIFFNESS * torch.eye(count).to(points)
    system[:count, count:] = affine
    system[count:, :count] = affine.T
    weights = torch.linalg.solve(system, torch.cat([values, values.new_zeros(3, values.shape[1])])).to(places.dtype)
    bent = _bending(places, points.to(places.dtype)) @ weights[:count]
    return bent + torch.cat([torch.ones_like(places[:, :1]), places], dim=1) @ weights[count:]


def _bending(places: Tensor, points: Tensor) -> Tensor:
    """r^2 log r^2 of all distances [Q, P]."""
    square = torch.cdist(places, points, compute_mode="donot_use_mm_for_euclid_dist").square()
    return square * square.clamp_min(1e-12).log()
