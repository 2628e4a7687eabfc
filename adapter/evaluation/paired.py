"""Targets against the truth of the same heads, pixel by pixel."""

import torch
from torch import Tensor


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB per image [N], of images [N, C, H, W] in [-1, 1]; at most 100 dB."""
    error = ((a - b) / 2).square().mean(dim=(1, 2, 3))
    return -10 * torch.log10(error.clamp_min(1e-10))
