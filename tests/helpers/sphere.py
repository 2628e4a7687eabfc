"""A textured ball, whose views are known exactly."""

import torch
from torch import Tensor

from adapter.eg3d.rays import camera_rays

RADIUS = 0.25
SIDE = 64


def ball(cameras: Tensor, shift: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """Image, depth and opacity of a ball whose colour is a function of the place on it."""
    origins, directions = camera_rays(cameras, SIDE)
    along = (origins * directions).sum(dim=-1)
    inside = along.square() - origins.square().sum(dim=-1) + RADIUS**2
    hit = inside > 0
    depth = torch.where(hit, -along - inside.clamp(min=0).sqrt(), 3.0)
    places = origins + directions * depth[..., None]
    colour = torch.where(hit[..., None], torch.sin(places * 12 + shift), 1.0)
    image = colour.transpose(1, 2).unflatten(2, (SIDE, SIDE))
    return image, depth.reshape(-1, 1, SIDE, SIDE), hit.reshape(-1, 1, SIDE, SIDE).float()
