"""Densities and meshes of balls, whose every number is known."""

import torch

from adapter.eg3d import Planes
from adapter.eg3d.decoder import Decoder
from adapter.meshes.density import DensityGrid
from tests.helpers.tiny_base import CONFIG


def ball_grid(resolution: int, side: float, *balls: tuple[tuple[float, float, float], float]) -> DensityGrid:
    """A grid whose value is the largest distance inside of any ball, given as (center, radius)."""
    planes = Planes(torch.zeros(1, 3, CONFIG.plane_channels, 4, 4), ((0, 1), (0, 2), (2, 1)))
    grid = DensityGrid(planes, Decoder(CONFIG), side, resolution)
    points = torch.stack(torch.meshgrid(grid.axis, grid.axis, grid.axis, indexing="ij"), dim=-1)
    inside = [radius - (points - torch.tensor(center)).norm(dim=-1) for center, radius in balls]
    grid.values[:] = torch.stack(inside).amax(dim=0)
    return grid
