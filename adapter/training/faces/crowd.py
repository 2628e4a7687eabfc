"""Whether random people of the base stay themselves when the camera moves."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.generator import Generator
from adapter.training.faces.perceptual import Lpips

APART = math.radians(20)
"""Between the two cameras, on either side of the front."""
FACE = 0.6
"""Share of an image's side around its center that shows the face."""
CELLS = 8


def descriptors(perceive: Lpips, images: Tensor) -> Tensor:
    """Unit vectors [N, D] of images [N, 3, S, S]: VGG16's relu3_3 on the face, averaged in cells, less their mean."""
    margin = round(images.shape[-1] * (1 - FACE) / 2)
    face = images[..., margin:-margin, margin:-margin]
    pooled = F.adaptive_avg_pool2d(perceive.maps(face)[-1].float(), CELLS).flatten(1)
    return F.normalize(pooled - pooled.mean(dim=0), dim=1)


@torch.no_grad()
def identity_rate(generator: Generator, perceive: Lpips, count: int, seed: int = 0) -> float:
    """Share of ``count`` random people who are nearest to themselves among all, seen from two sides.

    Args:
        perceive: with relu3_3 as its last level.
    """
    z = torch.randn(count, generator.config.z_dim, generator=torch.Generator().manual_seed(seed))
    cameras = cameras_around_front(generator.config, [-APART / 2, APART / 2])
    sides: list[list[Tensor]] = [[], []]
    for row in z:
        ws = generator.sample_ws(row[None])
        rendered = generator.render(generator.planes(ws).repeat(2), cameras)
        images = generator.superresolve(rendered.features, ws.expand(2, -1, -1)).clamp(-1, 1)
        for side, image in zip(sides, images, strict=True):
            side.append(F.interpolate(image[None], size=128, mode="area"))
    first, second = (descriptors(perceive, torch.cat(side)) for side in sides)
    nearest = (first @ second.T).argmax(dim=1)
    return float((nearest == torch.arange(count)).float().mean())
