"""Which places of two views show the same surface: points to pixels, and depth to correspondences."""

from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.rays import camera_rays

DEPTH_TOLERANCE = 0.02
"""World units by which two views may differ in depth and still show the same surface."""

OPAQUE = 0.9
"""Opacity from which a pixel shows a surface."""


def project(points: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    """World points [N, K, 3] to image positions [N, K, 2] (in image sizes) and distances [N, K] from the camera."""
    pose = cameras[:, :16].reshape(-1, 4, 4)
    k = cameras[:, 16:25].reshape(-1, 3, 3)
    offset = points - pose[:, None, :3, 3]
    local = offset @ pose[:, :3, :3]
    homogeneous = local @ k.transpose(1, 2)
    return homogeneous[..., :2] / homogeneous[..., 2:3].clamp(min=1e-6), offset.norm(dim=-1)


def correspondence(depth: Tensor, cameras: Tensor, other_depth: Tensor, other_cameras: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel of the other views lies in these views.

    Args:
        depth: distances [N, 1, R, R] seen from ``cameras`` [N, 25].
        other_depth: distances [N, 1, S, S] seen from ``other_cameras``; tell which surface each pixel shows.

    Returns:
        Places [N, S, S, 2] in [-1, 1] for `carry`, and which of them are known, bool [N, 1, S, S]: pixels whose
        surface both views see (depths agree within `DEPTH_TOLERANCE`).
    """
    side = other_depth.shape[-1]
    origins, directions = camera_rays(other_cameras, side)
    points = origins + directions * other_depth.flatten(2).transpose(1, 2)
    where, distance = project(points, cameras)
    places = (where * 2 - 1).unflatten(1, (side, side))
    inside = (places.abs() <= 1).all(dim=-1)[:, None]
    away = carry(depth, places) - distance.unflatten(1, (side, side))[:, None]
    return places, inside & (away.abs() < DEPTH_TOLERANCE)


def shared_surface(
    depth: Tensor, opacity: Tensor, cameras: Tensor, other_depth: Tensor, other_opacity: Tensor, other_cameras: Tensor
) -> tuple[Tensor, Tensor]:
    """As `correspondence`, but only what is `OPAQUE` in both views, by opacities of the depths' shapes, is known."""
    places, known = correspondence(depth, cameras, other_depth, other_cameras)
    return places, known & (other_opacity > OPAQUE) & (carry(opacity, places) > OPAQUE)


def carry(image: Tensor, places: Tensor) -> Tensor:
    """What ``image`` [N, C, H, W] shows at places [N, S, S, 2] in [-1, 1]: [N, C, S, S], bilinear."""
    return F.grid_sample(image, places, padding_mode="border", align_corners=False)
