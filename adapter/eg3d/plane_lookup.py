"""Reading tri-planes at points in space."""

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.cpu import accelerated
from adapter.eg3d.cpu.plane_lookup import lookup as cpu_lookup
from adapter.eg3d.planes import Planes


@accelerated(cpu_lookup)
def lookup(planes: Planes, points: Tensor, box_warp: float) -> Tensor:
    """Features [N, K, C] at world ``points`` [N, K, 3], averaged over the planes; zero outside the box.

    Bilinear, pixel centers half a texel from the border (``align_corners=False``), zeros beyond it. Differentiable
    in planes and points.
    """
    count, number, channels, height, width = planes.values.shape
    coordinates = (points * (2 / box_warp)).unbind(dim=-1)
    # By columns: a list as an index would be copied to a GPU, and the host would wait.
    grid = torch.stack([torch.stack([coordinates[axis] for axis in axes], dim=-1) for axes in planes.axes], dim=1)
    read = F.grid_sample(
        planes.values.reshape(count * number, channels, height, width),
        grid.reshape(count * number, -1, 1, 2),
        padding_mode="zeros",
        align_corners=False,
    )
    return read.reshape(count, number, channels, -1).sum(dim=1).transpose(1, 2) / planes.divisor
