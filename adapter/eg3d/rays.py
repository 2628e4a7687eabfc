"""Rays of a camera and the stretch of each ray that is sampled."""

from typing import Literal

import torch
from torch import Tensor

from adapter.eg3d.config import RenderingConfig


def camera_rays(cameras: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Rays through the pixel centers of labels [N, 25], row by row.

    Returns:
        Origins [N, R*R, 3] and unit directions [N, R*R, 3], R = ``resolution``.
    """
    centers = (torch.arange(resolution, device=cameras.device) + 0.5) / resolution
    v, u = torch.meshgrid(centers, centers, indexing="ij")
    return rays_through(cameras, torch.stack([u, v], dim=-1).reshape(1, -1, 2).expand(len(cameras), -1, -1))


def rays_through(cameras: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Rays of labels [N, 25] through image ``points`` [N, M, 2] (u to the right, v down, in image sizes).

    Returns:
        Origins [N, M, 3] and unit directions [N, M, 3].
    """
    pose = cameras[:, :16].reshape(-1, 4, 4)
    k = cameras[:, 16:25].reshape(-1, 3, 3)[:, :, :, None]
    u, v = points[..., 0], points[..., 1]
    y = (v - k[:, 1, 2]) / k[:, 1, 1]
    x = (u - k[:, 0, 2] + k[:, 1, 2] * k[:, 0, 1] / k[:, 1, 1] - k[:, 0, 1] * v / k[:, 1, 1]) / k[:, 0, 0]
    local = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    directions = torch.nn.functional.normalize(local @ pose[:, :3, :3].transpose(1, 2), dim=-1)
    return pose[:, None, :3, 3].expand_as(directions), directions


def box_range(
    origins: Tensor, directions: Tensor, side: float, miss_rule: Literal["official", "span"]
) -> tuple[Tensor, Tensor]:
    """Distances [..., 1] at which rays [..., 3] enter and leave a cube of side ``side`` around the origin.

    Rays that miss get the smallest entry of the rays that hit, up to their largest entry (``official``) or largest
    exit (``span``); where every ray misses, -1 and -2.
    """
    near, far = ((sign * side / 2 - origins) / directions for sign in (-1, 1))
    enter = torch.minimum(near, far).amax(dim=-1, keepdim=True)
    leave = torch.maximum(near, far).amin(dim=-1, keepdim=True)
    hit = leave > enter
    # Without branches: the host would wait for a GPU to know which way to go.
    first = torch.where(hit, enter, torch.inf).amin()
    last = torch.where(hit, enter if miss_rule == "official" else leave, -torch.inf).amax()
    nothing = ~hit.any()
    first, last = first.masked_fill(nothing, -1.0), last.masked_fill(nothing, -2.0)
    return torch.where(hit, enter, first), torch.where(hit, leave, last)


def ray_range(origins: Tensor, directions: Tensor, config: RenderingConfig) -> tuple[Tensor, Tensor]:
    """First and last sampled distance [N, M, 1] of every ray."""
    if config.ray_start == "auto" or config.ray_end == "auto":
        return box_range(origins, directions, config.box_warp, config.miss_rule)
    shape = (*origins.shape[:-1], 1)
    return origins.new_full(shape, config.ray_start), origins.new_full(shape, config.ray_end)
