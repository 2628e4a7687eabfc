"""Ours: what references look like as a whole, which decides how a target is trained whatever the losses reach."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.losses.face_view import FaceViews

MOST_CHROMA = 0.03
"""Standard deviation of chroma, in units of pixels in [-1, 1], up to which pictures count as without color."""
SIDE, CELL = 256, 8
"""Side in pixels at which texture is looked for, and of the cells in which it is measured."""
LEAST_TEXTURE = 0.0055
"""Contrast with the neighboring pixels, in the same units, that three of four cells of a texture have."""
_WITHIN, _FEWEST = 0.9, 8
"""Share of a cell from which on it belongs to a region, and how many cells tell something about it."""


@dataclass(frozen=True)
class Looks:
    """How a run's references look.

    Args:
        colorless: they differ from place to place in brightness alone; see `adapter.adaptation.colorless`.
        textured: grain or strokes lie over them; the target then has noise of the surface to make its own from, see
            `adapter.eg3d.surface_noise`.
    """

    colorless: bool = False
    textured: bool = False

    @classmethod
    def of(cls, references: Tensor, faces: FaceViews | None = None) -> "Looks":
        """Look at pictures [K, 3, H, W] in [-1, 1], and at the faces that were found in them."""
        colorless = is_colorless(references)
        # A drawing leaves skin to the paper, so it is looked at as a whole.
        return cls(colorless, is_textured(references, None if colorless else faces))


def is_colorless(references: Tensor) -> bool:
    """Whether pictures [K, 3, H, W] in [-1, 1] differ from place to place in brightness alone."""
    chroma = references - references.mean(dim=1, keepdim=True)
    return float((chroma - chroma.mean(dim=(0, 2, 3), keepdim=True)).square().mean().sqrt()) < MOST_CHROMA


def is_textured(references: Tensor, faces: FaceViews | None = None) -> bool:
    """Whether grain or strokes lie over pictures [K, 3, H, W] in [-1, 1] as canvas or paper do, and not just edges.

    They then lie over background, hair and skin alike. A photograph has one of the three smooth.

    Args:
        faces: of the run; without any, the pictures are not divided.
    """
    if faces is None:
        contrast = _contrast(references)
        return _is_rough(contrast, torch.ones_like(contrast))
    pictures = [_contrast(one.image[None]) for one in faces.references]
    regions = [one.regions(math.isqrt(len(each)))[:3] for one, each in zip(faces.references, pictures, strict=True)]
    return all(_is_rough(torch.cat(pictures), region) for region in torch.cat(regions, dim=1))


def _contrast(images: Tensor) -> Tensor:
    """How much pixels of images [K, 3, H, W] differ from their neighbors, in cells of each image in turn [K * T]."""
    gray = images.mean(dim=1, keepdim=True)
    if min(gray.shape[-2:]) > SIDE:
        gray = F.interpolate(gray, size=(SIDE, SIDE), mode="area")
    smooth = F.avg_pool2d(F.pad(gray, [1] * 4, mode="replicate"), 3, stride=1)
    return F.avg_pool2d((gray - smooth).square(), CELL).sqrt().flatten()


def _is_rough(contrast: Tensor, shares: Tensor) -> bool:
    """Whether three of four cells [T] in a region have texture; regions of few cells say nothing."""
    inside = contrast[shares > _WITHIN].sort().values
    return len(inside) < _FEWEST or float(inside[len(inside) // 4]) > LEAST_TEXTURE
