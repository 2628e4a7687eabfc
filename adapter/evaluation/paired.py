"""Targets against the truth of the same heads, pixel by pixel."""

import torch
from torch import Tensor


def psnr(a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB per image [N], of images [N, C, H, W] in [-1, 1]; at most 100 dB.

    Args:
        a, b: the images.
        weight: how much each pixel counts, not negative [N, 1, H, W]; all alike where None.
    """
    error = ((a - b) / 2).square().mean(dim=1, keepdim=True)
    weight = torch.ones_like(error) if weight is None else weight
    mean = (error * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))
    return -10 * torch.log10(mean.clamp_min(1e-10))
