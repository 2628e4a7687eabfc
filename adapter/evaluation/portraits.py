"""Measures of pictures of people: landmarks that moved, and a rim around the head."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from adapter.latents.measures import READ_SIDE
from adapter.media.face_mesh import find_faces
from adapter.media.images import to_uint8

_RIM = 1 / 40
"""Width of the band around the silhouette, as a share of the picture's side."""


def mesh_error(a: Tensor, b: Tensor) -> float:
    """Mean distance of the face meshes of two images [1, 3, S, S] in face widths; NaN if a face is missing."""
    faces = [find_faces(enlarged(image)) for image in (a, b)]
    if not all(faces):
        return float("nan")
    apart = np.linalg.norm(faces[0][0].points[:, :2] - faces[1][0].points[:, :2], axis=1)
    return float(apart.mean() / faces[0][0].width)


def rim(images: Tensor, opacity: Tensor) -> Tensor:
    """How much the band around each silhouette differs in color from the background beyond it [N]; NaN without one.

    Args:
        images: [N, 3, S, S].
        opacity: of the people [N, 1, R, R] in [0, 1].
    """
    side = images.shape[-1]
    width = max(1, round(_RIM * side))
    person = (F.interpolate(opacity, size=(side, side), mode="bilinear", align_corners=False) > 0.5).float()
    band = _grown(person, width) - person
    beyond = _grown(person, 4 * width) - _grown(person, 2 * width)
    window = 8 * width + 1
    sums = F.avg_pool2d(torch.cat([images * beyond, beyond], dim=1), window, stride=1, padding=window // 2)
    color, share = sums[:, :3], sums[:, 3:]
    band = band * (share > 0)
    apart = (images - color / share.clamp_min(1e-6)).abs().mean(dim=1, keepdim=True)
    return (apart * band).sum(dim=(1, 2, 3)) / band.sum(dim=(1, 2, 3))


def _grown(mask: Tensor, pixels: int) -> Tensor:
    return F.max_pool2d(mask, 2 * pixels + 1, stride=1, padding=pixels)


def enlarged(image: Tensor) -> NDArray[np.uint8]:
    """A render [1, 3, S, S] as a picture of the size that faces are read at."""
    return cv2.resize(to_uint8(image)[0], (READ_SIDE, READ_SIDE), interpolation=cv2.INTER_CUBIC)
