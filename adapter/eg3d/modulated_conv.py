"""Weight modulation: every sample convolves with filters of its own (StyleGAN2, Karras et al. 2020, Section 2.2)."""

import torch
from torch import Tensor

from adapter.eg3d.cpu import accelerated, modulated_conv
from adapter.eg3d.layers import conv2d_resample


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
        [N, O, H', W'].
    """
    # Equal to modulated weights: scale the inputs before the shared convolution, and its outputs after.
    y = conv2d_resample(x * styles[:, :, None, None], weight, fir=fir, replicate=replicate)
    shift = (bias * gain)[:, None, None]
    if not demodulate:
        return torch.add(shift, y, alpha=gain)
    norm = (styles.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt()
    return torch.addcmul(shift, y, (norm * gain)[:, :, None, None])
