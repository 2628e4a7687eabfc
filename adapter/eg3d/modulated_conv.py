"""Weight modulation: every sample convolves with filters of its own (StyleGAN2, Karras et al. 2020, Section 2.2)."""

import torch
from torch import Tensor

from adapter.eg3d.cpu import accelerated, modulated_conv
from adapter.eg3d.layers import conv2d_resample
from adapter.eg3d.modulation import moves_less_memory


@accelerated(modulated_conv.modulated_conv2d)
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
) -> Tensor:
    """Compute gain * (sum_i w'_oi * x_i + b_o) with modulated weights w'_oi = s_i w_oi.

    Args:
        x: features [N, I, H, W].
        weight: [O, I, k, k], shared by all samples.
        styles: s [N, I].
        bias: b [O].
        demodulate: divide w' by its norm over inputs and taps, per output channel.
        fir, replicate: as in `conv2d_resample`.

    Returns:
        [N, O, H', W'], in the precision of ``x``; weights and styles are multiplied in their own.
    """
    if x.device.type != "cpu" and moves_less_memory(weight, x, fir is not None):
        return _with_own_weights(x, weight, styles, bias, gain, demodulate, fir, replicate)
    # Equal to modulated weights: scale the inputs before the shared convolution, and its outputs after.
    scaled = x * styles[:, :, None, None].to(x.dtype)
    y = conv2d_resample(scaled, weight.to(x.dtype), fir=fir, replicate=replicate)
    shift = (bias * gain)[:, None, None].to(x.dtype)
    if not demodulate:
        return torch.add(shift, y, alpha=gain)
    norm = (styles.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt()
    return torch.addcmul(shift, y, (norm * gain)[:, :, None, None].to(x.dtype))


def _with_own_weights(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    bias: Tensor,
    gain: float,
    demodulate: bool,
    fir: Tensor | None,
    replicate: bool,
) -> Tensor:
    """The same with the weights of all samples made at once, and a convolution of each sample."""
    own = weight * styles[:, None, :, None, None]
    if demodulate:
        own = own * (own.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    shift = (bias * gain).to(x.dtype)
    pairs = zip(x.split(1), (own * gain).to(x.dtype).unbind(), strict=True)
    samples = [conv2d_resample(one, filters, shift, fir=fir, replicate=replicate) for one, filters in pairs]
    # Concatenating a single sample would copy it.
    return samples[0] if len(samples) == 1 else torch.cat(samples)
