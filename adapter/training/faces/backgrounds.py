"""What is behind the person: plain colors, gradients and soft random pictures, as rendered features."""

import torch
from torch import Tensor
from torch.nn import functional as F

DEFAULT_LEVEL = 0.88
"""The calm light gray behind a person, 0 to 1."""
PLAIN, GRADIENT = 0.45, 0.3
"""Shares of plain and of graded backgrounds; the rest are soft pictures."""
GRAY = 0.5
"""Share of plain ones that are gray, a half of them near the default."""
CELLS = 7


def features(colors: Tensor, channels: int) -> Tensor:
    """Background features [B, channels, H, W] in [0, 1] of colors [B, 3, H, W].

    The first three channels are the colors and all others their mean, so that a gray level g is g in every channel,
    as the renderer's own white is 1 in every channel.
    """
    level = colors.mean(dim=1, keepdim=True)
    return torch.cat([colors, level.expand(-1, channels - 3, -1, -1)], dim=1)


def draw(count: int, size: int, random: torch.Generator) -> Tensor:
    """Draw backgrounds [count, 3, size, size] in [0, 1] for whole images."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random)

    plain = uniform(count, 3, 1, 1)
    gray = torch.where(
        uniform(count, 1, 1, 1) < 0.5, DEFAULT_LEVEL + 0.03 * (uniform(count, 1, 1, 1) - 0.5), uniform(count, 1, 1, 1)
    )
    plain = torch.where(uniform(count, 1, 1, 1) < GRAY, gray, plain)
    ends = uniform(count, 3, 2, 2)
    graded = F.interpolate(ends, size=(size, size), mode="bilinear", align_corners=True)
    soft = F.interpolate(uniform(count, 3, CELLS, CELLS), size=(size, size), mode="bicubic", align_corners=True)
    kind = uniform(count, 1, 1, 1)
    chosen = torch.where(kind < PLAIN, plain, torch.where(kind < PLAIN + GRADIENT, graded, soft))
    return chosen.clamp(0, 1)


def cut(pictures: Tensor, origin: Tensor, patch: int, size: int) -> Tensor:
    """Cut patches [B, 3, patch, patch] out of raw backgrounds [B, 3, size, size] at ``origin`` [B, 3] of a batch."""
    corners = (origin[:, :2] * size).round().int().tolist()
    return torch.stack(
        [
            picture[:, top : top + patch, left : left + patch]
            for picture, (left, top) in zip(pictures, corners, strict=True)
        ]
    )


def enlarge(colors: Tensor, factor: int) -> Tensor:
    """The same background for the final image: doubled bilinearly as super-resolution's skip does."""
    for _ in range(factor.bit_length() - 1):
        colors = F.interpolate(colors, scale_factor=2, mode="bilinear", align_corners=False)
    return colors
