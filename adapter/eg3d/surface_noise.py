"""Ours: noise inputs of super-resolution that stick to the surface, so that strokes and grain turn with the head.

StyleGAN adds one number a pixel before each activation, times a strength that is learned. EG3D leaves this out, because
noise of the picture would stand still while the head turns. Here the numbers are read from a solid texture (Peachey
1985, Perlin 1985) at the point that each pixel shows.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.rays import camera_rays

_SIDE, _SEED = 32, 7
_COARSE, _FINE = 4.0, 2.0
"""Size of the texture's cells, in pixels of the layer, for a block's first and second layer."""
_APART = 11.3
"""Cells between the places that two layers read, which makes them independent."""
_UNIT = 1.5**1.5
"""Interpolation between eight random numbers takes that much of their spread."""


def noise_tile() -> Tensor:
    """A cube of random numbers [1, 1, S, S, S] that is repeated through space; its last cells equal its first."""
    tile = torch.randn(1, 1, _SIDE, _SIDE, _SIDE, generator=torch.Generator().manual_seed(_SEED))
    return F.pad(tile, (0, 1) * 3, mode="circular")


@torch.no_grad()
def surface_noise(
    tile: Tensor, config: Eg3dConfig, cameras: Tensor, depth: Tensor, opacity: Tensor, resolutions: Sequence[int]
) -> tuple[Tensor, ...]:
    """Noise for each layer of super-resolution: about N(0, 1) [N, 1, R, R].

    Args:
        tile: of `noise_tile`.
        config: of the generator.
        cameras: labels [N, 25].
        depth, opacity: of the rendering [N, 1, r, r]; behind everything stands a sphere around the camera.
        resolutions: R of each layer, two a block.
    """
    behind = config.camera_radius + config.rendering.box_warp / 2
    filled = depth * opacity + behind * (1 - opacity)
    points = {side: _points(cameras, filled, side) for side in dict.fromkeys(resolutions)}
    noises = []
    for number, side in enumerate(resolutions):
        cell = (_FINE if number % 2 else _COARSE) * config.camera_radius / (config.focal * side)
        places = (points[side] / cell + _APART * number).remainder(_SIDE) * (2 / _SIDE) - 1
        read = F.grid_sample(tile.expand(len(places), -1, -1, -1, -1), places[:, :, None, None], align_corners=True)
        noises.append(read.view(-1, 1, side, side) * _UNIT)
    return tuple(noises)


def _points(cameras: Tensor, depth: Tensor, side: int) -> Tensor:
    """The points [N, R*R, 3] that the pixels of a picture show."""
    origins, directions = camera_rays(cameras, side)
    depth = F.interpolate(depth, size=(side, side), mode="bilinear", align_corners=False)
    return origins + directions * depth.flatten(1)[:, :, None]
