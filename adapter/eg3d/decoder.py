"""Tri-D: the small network that reads density and color features from averaged plane features."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.cpu import accelerated, decoding
from adapter.eg3d.decoder_weights import DecoderWeights
from adapter.eg3d.layers import FullyConnected

COLOR_GAIN, COLOR_SHIFT = 1.002, -0.001


@accelerated(decoding.hidden_and_density)
def hidden_and_density(features: Tensor, weights: DecoderWeights) -> tuple[Tensor, Tensor]:
    """Hidden units [K, H] and raw density [K] of plane features [K, C]."""
    hidden = F.softplus(F.linear(features, weights.hidden, weights.hidden_bias))
    return hidden, torch.addmv(weights.density_bias, hidden, weights.density)


@accelerated(decoding.density)
def density(features: Tensor, weights: DecoderWeights) -> Tensor:
    """Raw density [K] of plane features [K, C], for passes without gradient."""
    return hidden_and_density(features, weights)[1]


class Decoder(nn.Module):
    """Two fully connected layers with a softplus between them (EG3D, Chan et al. 2022).

    Attributes:
        dtype: that it computes in; the weights stay in fp32.
        fixed_density: whether the density's own weights count as constants, which spares their gradients.
    """

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.dtype = torch.float32
        self.fixed_density = False
        self.density_gain = config.density_gain
        self.net = nn.Sequential(
            FullyConnected(config.plane_channels, config.decoder_hidden),
            nn.Softplus(),
            FullyConnected(config.decoder_hidden, 1 + config.feature_channels),
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Decode plane features [..., C] to raw density [...], in fp32, and colors [..., F] in [-0.001, 1.001]."""
        density, sigmoids = self.density_and_sigmoids(features)
        return density, sigmoids * COLOR_GAIN + COLOR_SHIFT

    def density_and_sigmoids(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The same with colors before their gain and shift, which may be applied after marching."""
        weights = DecoderWeights(*(one.to(self.dtype) for one in self.weights()))
        hidden = F.softplus(F.linear(features.to(self.dtype), weights.hidden, weights.hidden_bias))
        density = F.linear(hidden, weights.density[None], weights.density_bias[None])
        return density[..., 0].float(), F.linear(hidden, weights.color, weights.color_bias).sigmoid()

    def weights(self) -> DecoderWeights:
        """The weights as they act; gradients flow back to the stored ones."""
        first, last = cast(FullyConnected, self.net[0]), cast(FullyConnected, self.net[2])
        weight, bias = last.weight * last.weight_gain, last.bias * last.bias_gain
        density, density_bias = weight[0] * self.density_gain, bias[0] * self.density_gain
        if self.fixed_density:
            density, density_bias = density.detach(), density_bias.detach()
        return DecoderWeights(
            first.weight * first.weight_gain,
            first.bias * first.bias_gain,
            density,
            density_bias,
            weight[1:],
            bias[1:],
        )

    @torch.no_grad()
    def density(self, features: Tensor) -> Tensor:
        """Raw density [...] alone, without gradient, for passes that only place samples."""
        return density(features.flatten(0, -2), self.weights()).view(features.shape[:-1])
