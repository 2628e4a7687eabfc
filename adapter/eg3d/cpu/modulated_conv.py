"""Modulated convolution that changes the weights instead of the features, which are larger."""

from collections.abc import Iterable

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
    """`adapter.eg3d.modulated_conv.modulated_conv2d`, one sample at a time, or all at once if their styles are equal.

    With gradients it does not apply to several styles: backward passes cost less over weights that a batch shares.
    """
    needs_grad = torch.is_grad_enabled()
    if not eligible(x, (2, 4)) or not moves_less_memory(weight, x, fir is not None):
        return None
    alike = not styles.requires_grad and bool((styles == styles[:1]).all())
    if needs_grad and len(x) > 1 and not alike:
        return None
    if weight.shape[-1] == 1 and not demodulate and not needs_grad:
        filters = (weight[:, :, 0, 0] * styles[:, None]).to(x.dtype)
        shift = (bias * gain)[:, None, None].to(x.dtype)
        return torch.add(shift, (filters @ x.flatten(2)).unflatten(2, x.shape[2:]), alpha=gain)
    samples = []
    groups: Iterable[tuple[Tensor, Tensor]] = (
        [(x, styles[0])] if alike and needs_grad else zip(x.split(1), styles, strict=True)
    )
    for features, style in groups:
        own = weight * style[:, None, None]
        scale = (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).rsqrt() * gain if demodulate else gain
        filters, shift = (own * scale).to(x.dtype), (bias * gain).to(x.dtype)
        samples.append(conv2d_resample(features, filters, shift, fir=fir, replicate=replicate))
    # Concatenating a single tensor would copy it.
    return samples[0] if len(samples) == 1 else torch.cat(samples)
