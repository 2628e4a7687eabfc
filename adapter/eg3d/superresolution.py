"""Rendered features to the final image: two synthesis blocks driven by the last w."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.eg3d.blocks import NoiseMode, SynthesisBlock, SynthesisLayer
from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.layers import resample_filter


class Superresolution(nn.Module):
    """EG3D's super-resolution modules, told apart by the configuration.

    Attributes:
        dtype: of its features; weights, colors and the image stay in fp32.
    """

    block0: SynthesisBlock
    block1: SynthesisBlock

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.dtype = torch.float32
        sizes = self.config = config.superresolution
        resolution = sizes.input_resolution
        inputs = config.feature_channels
        for index, (outputs, up) in enumerate(zip(sizes.channels, sizes.upsample, strict=True)):
            resolution *= 2 if up else 1
            block = SynthesisBlock(
                inputs,
                outputs,
                config.w_dim,
                resolution,
                3,
                up=up,
                limit=sizes.clamp,
                replicate=sizes.padding == "replicate",
            )
            self.add_module(f"block{index}", block)
            inputs = outputs
        if sizes.spare_filter:
            self.register_buffer("resample_filter", resample_filter())

    @property
    def layers(self) -> tuple[SynthesisLayer, ...]:
        """The layers that take noise, in order."""
        return self.block0.conv0, self.block0.conv1, self.block1.conv0, self.block1.conv1

    def _resize(self, x: Tensor) -> Tensor:
        size, rule = self.config.input_resolution, self.config.resize
        if x.shape[-1] == size or rule == "never" or (rule == "if-smaller" and x.shape[-1] > size):
            return x
        return F.interpolate(
            x, size=(size, size), mode="bilinear", align_corners=False, antialias=self.config.antialias
        )

    def forward(
        self,
        features: Tensor,
        ws: Tensor,
        noise_mode: NoiseMode | Sequence[Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Make the image.

        Args:
            features: rendered features [N, F, R, R], about [-1, 1]; the first three channels are the raw colors.
            ws: latents [N, num_ws, w]; only the last row is read.
            noise_mode: overrides the configuration's; or the noise of each of `layers`, [N, 1, R, R].

        Returns:
            The image [N, 3, H, W] and the raw image [N, 3, R, R] as EG3D reports it.
        """
        mode = noise_mode or self.config.noise_mode
        modes = (mode, mode) if isinstance(mode, str) else (mode[:2], mode[2:])
        rows = ws[:, -1:].repeat(1, 3, 1)
        x = self._resize(features)
        resized = x is not features
        # `contiguous` keeps a single sample's first stride, and convolutions then take the tensor for channels first.
        colors, x = x[:, :3], x.to(self.dtype, copy=True, memory_format=torch.channels_last)
        x, image = self.block0(x, colors, rows, modes[0], generator)
        aliased = self.config.inplace_rgb and not self.config.upsample[0] and not resized
        raw = image if aliased else features[:, :3]
        return self.block1(x, image, rows, modes[1], generator)[1], raw
