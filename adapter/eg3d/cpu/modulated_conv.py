"""Modulated convolution that changes the weights instead of the features, which are larger."""

import torch
from torch import Tensor

from adapter.eg3d.cpu import eligible
from adapter.eg3d.layers import conv2d_resample
from adapter.eg3d.modulation import moves_less_memory


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    bias: Tensor,
    *,
    gain: float = 1.0,
    demodulate: bool = True,
    fir: Tensor | None = None,
    replicate: bool = False,
) -> Tensor | None:
    """`adapter.eg3d.modulated_conv.modulated_conv2d`, one sample at a time.

    With gradients it applies to single samples only: backward passes cost less over weights that a batch shares.
    """
    needs_grad = torch.is_grad_enabled()
    if not eligible(x) or (needs_grad and len(x) > 1) or not moves_less_memory(weight, x, fir is not None):
        return None
    if weight.shape[-1] == 1 and not demodulate and not needs_grad:
        filters = weight[:, :, 0, 0] * styles[:, None]
        return torch.add((bias * gain)[:, None, None], (filters @ x.flatten(2)).unflatten(2, x.shape[2:]), alpha=gain)
    samples = []
    for features, style in zip(x.split(1), styles, strict=True):
        own = weight * style[:, None, None]
        scale = (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).rsqrt() * gain if demodulate else gain
        samples.append(conv2d_resample(features, own * scale, bias * gain, fir=fir, replicate=replicate))
    # Concatenating a single sample would copy it.
    return samples[0] if len(samples) == 1 else torch.cat(samples)
