"""Multi-view consistency: warps one view into another through depth and compares."""

from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.reprojection import carry, shared_surface


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
    places, known = shared_surface(depth, opacity, cameras, other_depth, other_opacity, other_cameras)
    mask = known.float()
    difference = (carry(small, places) - other_small).abs().mean(dim=1, keepdim=True)
    return (difference * mask).sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2, 3)).clamp(min=1)
