"""A person of a base seen by a camera: image, coverage and distance on one grid."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.generator import Generator


@dataclass(frozen=True)
class Portrait:
    """One view of a person, S x S pixels.

    Attributes:
        color: [S, S, 3] float32 in 0..1.
        mask: coverage [S, S] in 0..1.
        depth: distance from the camera along the ray in world units [S, S].
        camera: label [25].
    """

    color: NDArray[np.float32]
    mask: NDArray[np.float32]
    depth: NDArray[np.float32]
    camera: NDArray[np.float32]


@torch.no_grad()
def take_portrait(generator: Generator, ws: Tensor, camera: Tensor, size: int | None = None) -> Portrait:
    """Render ws [1, num_ws, w] from a label [1, 25].

    Args:
        size: side of the portrait in pixels; the base's own if None.
    """
    planes = generator.planes(ws)
    side = generator.config.raw_resolution
    image = generator.superresolve(generator.render(planes, camera).features, ws)
    # Twice the rays give a cleaner silhouette; the image keeps the resolution that super-resolution was trained for.
    shape = generator.render(planes, camera, 2 * side)
    size = size or image.shape[-1]

    def enlarged(values: Tensor) -> NDArray[np.float32]:
        return F.interpolate(values.cpu(), size=(size, size), mode="bicubic", antialias=True)[0].numpy()

    color = np.clip(enlarged(image).transpose(1, 2, 0) / 2 + 0.5, 0, 1).astype(np.float32)
    mask = np.clip(enlarged(shape.opacity)[0], 0, 1).astype(np.float32)
    return Portrait(color, mask, enlarged(shape.depth)[0], camera[0].cpu().numpy())
