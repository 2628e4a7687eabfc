"""Super-resolved views projected onto a surface."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.generator import Output
from adapter.utils.parallel import each, even_spans

SHARPNESS = 6
"""Power of the cosine between a view and the surface: more lets fewer views mix."""
TOLERANCE = 0.015
"""World units between a point and what a view shows at its place that still mean the same; again as far, it fades."""
_POINTS = 2**15


@dataclass(frozen=True)
class View:
    """One super-resolved picture with the depth behind it.

    Attributes:
        camera: label [25].
        maps: color in [0, 1], distance from the camera, and opacity in [0, 1]: [5, H, W].
    """

    camera: Tensor
    maps: Tensor

    @classmethod
    def of(cls, output: Output, camera: Tensor) -> "View":
        """The first picture of a generator's output, and its camera [25]."""
        image = (output.image[:1].float() * 0.5 + 0.5).clamp(0, 1)
        # The lowest opacity around each pixel, so that no background shines in at edges.
        opacity = -F.max_pool2d(-output.opacity[:1], 3, 1, 1)
        shape = F.interpolate(torch.cat([output.depth[:1], opacity], dim=1), image.shape[-2:], mode="bilinear")
        return cls(camera.to(image.device), torch.cat([image, shape], dim=1)[0])

    def seen(self, points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
        """Colors [K, 3] that this view gives points [K, 3] with unit normals [K, 3], and their weights [K], 0 to 1."""
        pose, k = self.camera[:16].view(4, 4), self.camera[16:].view(3, 3)
        away = points - pose[:3, 3]
        local = away @ pose[:3, :3]
        # Grid coordinates run from -1 to 1 over the picture.
        places = (local[:, :2] / local[:, 2:] * k.diagonal()[:2] + k[:2, 2]) * 2 - 1
        read = F.grid_sample(self.maps[None], places[None, None], padding_mode="border", align_corners=False)[0, :, 0]
        color, depth, opacity = read[:3].T, read[3], read[4]
        distance = away.norm(dim=-1)
        facing = (-(away * normals).sum(dim=-1) / distance).clamp_min(0)
        shown = (2 - (distance - depth).abs() / TOLERANCE).clamp(0, 1)
        inside = (places.abs().amax(dim=-1) < 1).float()
        return color, facing**SHARPNESS * shown * inside * opacity.clamp(0, 1) ** 2


@torch.no_grad()
def project(points: np.ndarray, normals: np.ndarray, views: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
    """What views show of surface points.

    Args:
        points: [K, 3] on the surface.
        normals: outwards [K, 3].
        views: of the person, at least one.

    Returns:
        Mean colors [K, 3] in [0, 1], and the sums of the weights [K]; colors without weight mean nothing.
    """
    device = views[0].maps.device
    places = torch.from_numpy(np.ascontiguousarray(points, np.float32)).to(device)
    directions = F.normalize(torch.from_numpy(np.ascontiguousarray(normals, np.float32)).to(device), dim=-1)

    def some(span: slice) -> Tensor:
        total = torch.zeros(span.stop - span.start, 4, device=device)
        for view in views:
            color, weight = view.seen(places[span], directions[span])
            total[:, :3].addcmul_(color, weight[:, None])
            total[:, 3] += weight
        return total

    total = torch.cat(each(some, even_spans(len(places), -(-len(places) // _POINTS))))
    return (total[:, :3] / total[:, 3:].clamp_min(1e-9)).cpu().numpy(), total[:, 3].cpu().numpy()
