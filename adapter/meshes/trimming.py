"""Where a bust is cut: at the throat, the lowest hollow below the chin."""

import torch

from adapter.eg3d import Eg3dConfig
from adapter.meshes.density import DensityGrid

STRIP = 0.04
"""Half the width of the strip around the middle in which the profile is read, in sides of the volume."""
CHIN = 0.12
"""Throats lie at least this far below the volume's center, in its sides."""
SEEN = 1.1
"""Throats lie at most this far below the center, in halves of what the usual camera sees of the center's plane."""
HOLLOW = 0.03
"""Depth that makes a hollow, in sides of the volume."""


def seen_half(config: Eg3dConfig) -> float:
    """Half of what the usual camera sees of the plane through the world's center, in world units."""
    return config.camera_radius / (2 * config.focal)


@torch.no_grad()
def throat_height(grid: DensityGrid, level: float, config: Eg3dConfig) -> float | None:
    """The height at which the profile lies farthest back below the chin, in world units; None if there is no hollow.

    The profile is the front end of the density in a strip around the middle, so long hair does not matter.
    """
    x, y, z = grid.axis, grid.axis, grid.axis
    strip = (grid.values[x.abs() <= STRIP * grid.side] > level).any(dim=0)
    front = torch.where(strip, z, -torch.inf).amax(dim=1)
    rows = (y >= -SEEN * seen_half(config)) & (y <= -CHIN * grid.side) & front.isfinite()
    if not rows.any():
        return None
    heights, profile = y[rows], front[rows]
    lowest = int(profile.argmin())
    chin = profile[lowest:].max() - profile[lowest]
    return float(heights[lowest]) if chin > HOLLOW * grid.side else None
