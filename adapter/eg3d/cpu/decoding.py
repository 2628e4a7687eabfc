"""The decoder's hidden layer with fewer passes over memory, without gradient."""

import torch
from torch import Tensor

from adapter.eg3d.cpu import eligible, native
from adapter.eg3d.decoder_weights import DecoderWeights


def hidden_and_density(features: Tensor, weights: DecoderWeights) -> tuple[Tensor, Tensor] | None:
    """`adapter.eg3d.decoder.hidden_and_density`, unless exponentials overflow; off by about 1e-7."""
    if not eligible(features):
        return None
    # softplus(x + b) = log(1 + exp(b) exp(x)) needs no pass for the bias.
    hidden = (features @ weights.hidden.T).exp_()
    torch.addcmul(hidden.new_ones(1), hidden, weights.hidden_bias.exp(), out=hidden).log_()
    density = torch.addmv(weights.density_bias, hidden, weights.density)
    # An overflow makes the density infinite or not a number.
    return (hidden, density) if bool(density.isfinite().all()) else None


def density(features: Tensor, weights: DecoderWeights) -> Tensor | None:
    """`adapter.eg3d.decoder.density`, where it was compiled."""
    return native.density(features, weights) if eligible(features) else None
