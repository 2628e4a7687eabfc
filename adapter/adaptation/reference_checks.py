"""What there is to say about the references of a run before it trains."""

from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.losses.distribution import random_directions, sliced_wasserstein
from adapter.losses.points import MINIMUM_NORM, grid_points

DIFFERENT = 0.3
"""Sliced distance of two images' colors, in [0, 2], from which on they hardly show one style."""
SIDE, DIRECTIONS = 32, 64
TWO_STYLES = (
    "The style images differ much in their colors, so the result lies between them. "
    "For one clear style use one image, or adapt to each and blend the two domains."
)

COARSE, LEAST_DETAIL = 64, 0.038
"""Side in pixels, and the share of an image's contrast that is finer than that: small or soft ones have less."""
SOFT = (
    "The style image is small or soft, so its colors count and its fine texture is missing. "
    "A head of 256 pixels or more gives both."
)


@torch.no_grad()
def describe_references(references: Tensor | None) -> str:
    """Sentences for the user about references [K, 3, H, W]; empty if there is nothing to say."""
    if references is None:
        return ""
    soft = any(_detail(image[None]) < LEAST_DETAIL for image in references)
    return " ".join(filter(None, (SOFT if soft else "", TWO_STYLES if _are_different(references) else "")))


def _detail(image: Tensor) -> float:
    """Share of the contrast of an image [1, 3, S, S] that a small copy loses; 1 if it has no contrast."""
    if image.shape[-1] <= 2 * COARSE:
        return 1.0
    low = F.interpolate(F.adaptive_avg_pool2d(image, COARSE), size=image.shape[-2:], mode="bicubic")
    contrast = (image - image.mean(dim=(2, 3), keepdim=True)).abs().mean()
    return float((image - low).abs().mean() / contrast) if contrast > MINIMUM_NORM else 1.0


def _are_different(references: Tensor) -> bool:
    if len(references) < 2:
        return False
    colors = grid_points(references, SIDE)
    directions = random_directions(3, DIRECTIONS, torch.Generator().manual_seed(0)).to(colors.device)
    apart = max(float(sliced_wasserstein(a[None], b, directions)) for a, b in combinations(colors, 2))
    return apart > DIFFERENT
