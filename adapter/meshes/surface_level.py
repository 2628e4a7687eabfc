"""Which raw density is the surface: the one whose silhouette is as large as that of the renders."""

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.config import RenderingConfig
from adapter.eg3d.rays import camera_rays, ray_range
from adapter.meshes.density import DensityGrid

OFFICIAL_LEVEL = 10.0
"""The level at which EG3D exports shapes."""
OPAQUE = 0.75
"""Opacity of a pixel that the surface covers: edges of renders are soft, so half would make heads too fat."""
RARE = 0.02
"""Silhouettes that cover less than this share of the picture, or leave less of it free, tell nothing."""


@torch.no_grad()
def surface_level(grid: DensityGrid, cameras: Tensor, opacity: Tensor, config: RenderingConfig) -> float:
    """The raw density that is exceeded along as many rays as are opaque (our reconstruction).

    A fixed level as EG3D's makes heads of a base fatter or thinner than its renders. It is taken where silhouettes
    tell nothing, or the middle of the densities if that is lower.

    Args:
        grid: densities of one person.
        cameras: labels [N, 25].
        opacity: the renders' opacity [N, 1, R, R] in [0, 1].
        config: tells which stretch of a ray is rendered.
    """
    covered = float((opacity > OPAQUE).float().mean())
    if not RARE < covered < 1 - RARE:
        return min(OFFICIAL_LEVEL, float(grid.values.min() + grid.values.max()) / 2)
    origins, directions = camera_rays(cameras.to(grid.values.device), opacity.shape[-1])
    near, far = ray_range(origins, directions, config)
    steps = torch.linspace(0, 1, grid.resolution, device=grid.values.device)
    rays = zip(origins, directions, near, far, strict=True)
    highest = [_highest(grid, origin, toward, start + (end - start) * steps) for origin, toward, start, end in rays]
    return float(torch.cat(highest).quantile(1 - covered))


def _highest(grid: DensityGrid, origins: Tensor, directions: Tensor, depths: Tensor) -> Tensor:
    """The highest density [M] along rays [M, 3] at depths [M, S]."""
    points = origins[:, None] + directions[:, None] * depths[..., None]
    # The volume's last axis, z, is the first coordinate of `grid_sample`.
    places = points.flip(-1)[None, None] * (2 / grid.side)
    lowest = grid.values.min()
    # Outside of the volume there is nothing, which `grid_sample` can only say by a zero.
    read = F.grid_sample(grid.values[None, None] - lowest, places, padding_mode="zeros", align_corners=False)
    return read[0, 0, 0].amax(dim=-1) + lowest
