"""Ours: what references look like as a whole, which decides how a target is trained whatever the losses reach."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

MOST_CHROMA = 0.03
"""Standard deviation of chroma, in units of pixels in [-1, 1], up to which pictures count as without color."""
SIDE, CELL = 256, 8
"""Side in pixels at which texture is looked for, and of the cells in which it is measured."""
LEAST_TEXTURE = 0.007
"""Contrast with the neighboring pixels, in the same units, that three of four cells of a texture have."""


@dataclass(frozen=True)
class Looks:
    """How a run's references look.

    Args:
        colorless: they differ from place to place in brightness alone; see `adapter.adaptation.colorless`.
        textured: grain or strokes cover them; the target then has noise of the surface to make its own from, see
            `adapter.eg3d.surface_noise`.
    """

    colorless: bool = False
    textured: bool = False

    @classmethod
    def of(cls, references: Tensor) -> "Looks":
        """Look at pictures [K, 3, H, W] in [-1, 1]."""
        return cls(is_colorless(references), is_textured(references))


def is_colorless(references: Tensor) -> bool:
    """Whether pictures [K, 3, H, W] in [-1, 1] differ from place to place in brightness alone."""
    chroma = references - references.mean(dim=1, keepdim=True)
    return float((chroma - chroma.mean(dim=(0, 2, 3), keepdim=True)).square().mean().sqrt()) < MOST_CHROMA


def is_textured(references: Tensor) -> bool:
    """Whether pictures [K, 3, H, W] in [-1, 1] show grain or strokes nearly everywhere, not just edges."""
    gray = references.mean(dim=1, keepdim=True)
    if min(gray.shape[-2:]) > SIDE:
        gray = F.interpolate(gray, size=(SIDE, SIDE), mode="area")
    smooth = F.avg_pool2d(F.pad(gray, [1] * 4, mode="replicate"), 3, stride=1)
    contrast = F.avg_pool2d((gray - smooth).square(), CELL).sqrt()
    cells = contrast.flatten().sort().values
    return float(cells[len(cells) // 4]) > LEAST_TEXTURE
