"""Latent to tri-planes: the mapping network and the StyleGAN2 synthesis network."""

import torch
from torch import Tensor, nn

from adapter.eg3d.blocks import NoiseMode, SynthesisBlock
from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.front import Front, add_to_xy
from adapter.eg3d.layers import FullyConnected, normalize_rms


class Mapping(nn.Module):
    """z (and a camera label) to w: RMS normalisation, then fully connected layers with a small learning rate."""

    w_avg: Tensor

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.num_ws, self.layers = config.num_ws, config.mapping_layers
        width = config.z_dim
        if config.conditioning:
            self.embed = FullyConnected(config.conditioning, config.w_dim)
            width += config.w_dim
        for index in range(self.layers):
            layer = FullyConnected(width, config.w_dim, activate=True, lr_multiplier=config.mapping_lr_multiplier)
            self.add_module(f"fc{index}", layer)
            width = config.w_dim
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(
        self,
        z: Tensor,
        conditioning: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Map z [N, z] and labels [N, c] to ws [N, num_ws, w], rows before the cutoff truncated by psi."""
        x = normalize_rms(z.float())
        if conditioning is not None:
            x = torch.cat([x, normalize_rms(self.embed(conditioning.float()))], dim=1)
        for index in range(self.layers):
            x = self.get_submodule(f"fc{index}")(x)
        ws = x[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi != 1:
            rows = slice(None, truncation_cutoff)
            truncated = self.w_avg + truncation_psi * (ws[:, rows] - self.w_avg)
            ws = torch.cat([truncated, ws[:, truncated.shape[1] :]], dim=1)
        return ws


class Synthesis(nn.Module):
    """ws to planes, one block per resolution."""

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.resolutions = config.block_resolutions
        inputs = None
        for resolution in self.resolutions:
            outputs = config.channels(resolution)
            block = SynthesisBlock(inputs, outputs, config.w_dim, resolution, 3 * config.plane_channels)
            self.add_module(f"b{resolution}", block)
            inputs = outputs
        self.front = Front(config.front, config.w_dim, config.plane_channels) if config.front else None

    def forward(self, ws: Tensor, noise_mode: NoiseMode = "const", generator: torch.Generator | None = None) -> Tensor:
        """Map ws [N, num_ws, w] to a plane image [N, 3 * C, H, W]."""
        x: Tensor | None = None
        image: Tensor | None = None
        row = 0
        for resolution in self.resolutions:
            block = self.get_submodule(f"b{resolution}")
            rows = 2 if block.starts else 3
            x, image = block(x, image, ws[:, row : row + rows].float(), noise_mode, generator)
            # A block's last row is also the next one's first.
            row += rows - 1
        assert image is not None
        return image if self.front is None else add_to_xy(image, self.front(ws))


class Backbone(nn.Module):
    """Mapping and synthesis under EG3D's names."""

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)
