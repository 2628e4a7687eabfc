"""Tri-D: the small network that reads density and colour features from averaged plane features."""

from torch import Tensor, nn
from torch.nn import functional as F

from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.layers import FullyConnected


class Decoder(nn.Module):
    """Two fully connected layers with a softplus between them (EG3D, Chan et al. 2022)."""

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.density_gain = config.density_gain
        self.net = nn.Sequential(
            FullyConnected(config.plane_channels, config.decoder_hidden),
            nn.Softplus(),
            FullyConnected(config.decoder_hidden, 1 + config.feature_channels),
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Decode plane features [..., C] to raw density [...] and colours [..., F] in [-0.001, 1.001]."""
        out = self.net(features)
        return out[..., 0] * self.density_gain, out[..., 1:].sigmoid() * 1.002 - 0.001

    def density(self, features: Tensor) -> Tensor:
        """Raw density [...] alone, for passes that need no colours."""
        hidden, last = self.net[1](self.net[0](features)), self.net[2]
        row = F.linear(hidden, last.weight[:1] * last.weight_gain, last.bias[:1] * last.bias_gain)
        return row[..., 0] * self.density_gain
