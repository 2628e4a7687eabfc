"""Synthesis layers and blocks shared by the backbone and by super-resolution."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.eg3d.layers import ACTIVATION_GAIN, FullyConnected, normal, resample_filter, upsample_image
from adapter.eg3d.modulated_conv import modulated_conv2d

SLOPE = 0.2
NoiseMode = Literal["none", "const", "random"]


def clamp(x: Tensor, limit: float | None) -> Tensor:
    """Limit ``x`` to [-limit, limit], in place where no gradient flows; no limit leaves it as it is."""
    if limit is None:
        return x
    return x.clamp(-limit, limit) if x.requires_grad else x.clamp_(-limit, limit)


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU."""

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        w_dim: int,
        resolution: int,
        *,
        up: bool = False,
        limit: float | None = None,
        replicate: bool = False,
    ) -> None:
        super().__init__()
        self.up, self.limit, self.resolution, self.replicate = up, limit, resolution, replicate
        self.affine = FullyConnected(w_dim, inputs, bias_init=1.0)
        self.weight = nn.Parameter(normal(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", normal(resolution, resolution))
        self.register_buffer("resample_filter", resample_filter())

    def forward(
        self, x: Tensor, w: Tensor, noise_mode: NoiseMode | Tensor = "const", generator: torch.Generator | None = None
    ) -> Tensor:
        """Map features [N, I, H, W] and latents [N, w] to [N, O, H', W']; random noise comes from ``generator``."""
        # The activation's gain is positive, so it can be applied before it, which saves passes over y.
        y = modulated_conv2d(
            x,
            self.weight,
            self.affine(w),
            self.bias,
            gain=ACTIVATION_GAIN,
            fir=self.resample_filter if self.up else None,
            replicate=self.replicate,
        )
        noise = self._noise(y, noise_mode, generator)
        if noise is not None:
            y = y.addcmul_(noise.to(y.dtype), (self.noise_strength * ACTIVATION_GAIN).to(y.dtype))
        return clamp(F.leaky_relu(y, SLOPE, inplace=True), self.limit)

    def _noise(self, y: Tensor, noise_mode: NoiseMode | Tensor, generator: torch.Generator | None) -> Tensor | None:
        """Noise [N or 1, 1, R, R] before its strength."""
        if isinstance(noise_mode, Tensor):
            return noise_mode
        if noise_mode == "none":
            return None
        if noise_mode == "const":
            return self.noise_const[None, None]
        where = y.device if generator is None else generator.device
        noise = torch.randn(len(y), 1, self.resolution, self.resolution, generator=generator, device=where)
        return noise.to(y.device)


class ToRgb(nn.Module):
    """Modulated 1x1 convolution to image channels, without demodulation, noise or activation."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, limit: float | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.affine = FullyConnected(w_dim, inputs, bias_init=1.0)
        self.weight = nn.Parameter(normal(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style_gain = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map features [N, I, H, W] and latents [N, w] to [N, O, H, W] in fp32."""
        styles = self.affine(w) * self.style_gain
        return clamp(modulated_conv2d(x, self.weight, styles, self.bias, demodulate=False).float(), self.limit)


class SynthesisBlock(nn.Module):
    """One resolution of the skip architecture: convolutions, and an image that grows from block to block.

    A block without ``inputs`` starts from its learned constant; one with ``up=False`` keeps the resolution.
    """

    def __init__(
        self,
        inputs: int | None,
        outputs: int,
        w_dim: int,
        resolution: int,
        image_channels: int,
        *,
        up: bool = True,
        limit: float | None = None,
        replicate: bool = False,
    ) -> None:
        super().__init__()
        self.up, self.replicate = up, replicate
        if inputs is None:
            self.const = nn.Parameter(normal(outputs, resolution, resolution))
        else:
            self.conv0 = SynthesisLayer(inputs, outputs, w_dim, resolution, up=up, limit=limit, replicate=replicate)
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, resolution, limit=limit, replicate=replicate)
        self.torgb = ToRgb(outputs, image_channels, w_dim, limit)
        self.register_buffer("resample_filter", resample_filter())

    @property
    def starts(self) -> bool:
        """Whether this block begins from a learned constant."""
        return hasattr(self, "const")

    def forward(
        self,
        x: Tensor | None,
        image: Tensor | None,
        ws: Tensor,
        noise_mode: NoiseMode | Sequence[Tensor] = "const",
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Advance features and image.

        Args:
            x: features [N, I, H, W]; None for the first block.
            image: image so far [N, C, H, W]; None for the first block.
            ws: latents [N, 3, w] for conv0, conv1 and torgb ([N, 2, w] for the first block).
            noise_mode: or the noise of conv0 and conv1, [N, 1, R, R] each.
        """
        rows = iter(ws.unbind(dim=1))
        noises = (noise_mode, noise_mode) if isinstance(noise_mode, str) else tuple(noise_mode)
        if self.starts:
            x = self.const.expand(len(ws), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        else:
            x = self.conv0(x, next(rows), noises[0], generator)
        x = self.conv1(x, next(rows), noises[-1], generator)
        rgb = self.torgb(x, next(rows))
        if image is None:
            return x, rgb
        return x, (upsample_image(image, replicate=self.replicate) if self.up else image) + rgb
