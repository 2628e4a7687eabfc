"""Multi-view consistency: carry one view into another through depth and compare."""

from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.rays import camera_rays

DEPTH_TOLERANCE = 0.02
"""World units by which two views may differ in depth and still show the same surface."""


def project(points: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    """World points [N, K, 3] to image positions [N, K, 2] (in image sizes) and distances [N, K] from the camera."""
    pose = cameras[:, :16].reshape(-1, 4, 4)
    k = cameras[:, 16:25].reshape(-1, 3, 3)
    offset = points - pose[:, None, :3, 3]
    local = offset @ pose[:, :3, :3]
    homogeneous = local @ k.transpose(1, 2)
    return homogeneous[..., :2] / homogeneous[..., 2:3].clamp(min=1e-6), offset.norm(dim=-1)


def reproject(
    image: Tensor, depth: Tensor, cameras: Tensor, other_depth: Tensor, other_cameras: Tensor
) -> tuple[Tensor, Tensor]:
    """Show ``image`` from other cameras.

    Args:
        image: [N, 3, H, W] seen from ``cameras`` [N, 25].
        depth: distances [N, 1, R, R] of the same view.
        other_depth: distances [N, 1, R, R] seen from ``other_cameras``; tell which surface each pixel shows.

    Returns:
        The image as seen from the other cameras [N, 3, R, R], and where it is known [N, 1, R, R]: pixels whose
        surface both views see (depths agree within `DEPTH_TOLERANCE`).
    """
    side = other_depth.shape[-1]
    origins, directions = camera_rays(other_cameras, side)
    points = origins + directions * other_depth.flatten(2).transpose(1, 2)
    where, distance = project(points, cameras)
    grid = (where * 2 - 1).unflatten(1, (side, side))
    carried = F.grid_sample(image, grid, padding_mode="border", align_corners=False)
    seen = F.grid_sample(depth, grid, padding_mode="border", align_corners=False)
    inside = (grid.abs() <= 1).all(dim=-1)[:, None]
    known = inside & ((seen - distance.unflatten(1, (side, side))[:, None]).abs() < DEPTH_TOLERANCE)
    return carried, known


def reprojection_error(
    image: Tensor,
    depth: Tensor,
    opacity: Tensor,
    cameras: Tensor,
    other_image: Tensor,
    other_depth: Tensor,
    other_opacity: Tensor,
    other_cameras: Tensor,
) -> Tensor:
    """Mean absolute difference in [0, 2] of two views of the same scenes, foreground only, one number per scene [N].

    Images [N, 3, H, W] in [-1, 1]; depth and opacity [N, 1, R, R].
    """
    side = depth.shape[-1]
    small, other_small = (F.interpolate(x, size=(side, side), mode="area") for x in (image, other_image))
    carried, known = reproject(small, depth, cameras, other_depth, other_cameras)
    front, _ = reproject(opacity.expand(-1, 3, -1, -1), depth, cameras, other_depth, other_cameras)
    mask = (known & (other_opacity > 0.9) & (front[:, :1] > 0.9)).float()
    difference = (carried - other_small).abs().mean(dim=1, keepdim=True)
    return (difference * mask).sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2, 3)).clamp(min=1)
