"""Synthesis layers and blocks shared by the backbone and by super-resolution."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.eg3d.cpu import fast, winograd
from adapter.eg3d.layers import (
    ACTIVATION_GAIN,
    FullyConnected,
    modulated,
    modulated_convolution,
    normal,
    resample_filter,
    upsample_image,
)

SLOPE = 0.2
NoiseMode = Literal["none", "const", "random"]


def clamp(x: Tensor, limit: float | None) -> Tensor:
    """Limit ``x`` to [-limit, limit], in place where no gradient flows; no limit leaves it as it is."""
    if limit is None:
        return x
    return x.clamp(-limit, limit) if x.requires_grad else x.clamp_(-limit, limit)


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU."""

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
        self, x: Tensor, w: Tensor, noise_mode: NoiseMode = "const", generator: torch.Generator | None = None
    ) -> Tensor:
        """Map features [N, I, H, W] and latents [N, w] to [N, O, H', W']; noise is drawn from ``generator``."""
        if self.in_tiles(x):
            return self.convolve_tiles(x, w, noise_mode, generator)[0]
        # The activation's gain is positive, so it moves into the factors before it and saves passes over y.
        y = modulated_convolution(
            x,
            self.weight,
            self.affine(w),
            self.bias,
            gain=ACTIVATION_GAIN,
            up=self.up,
            fir=self.resample_filter,
            replicate=self.replicate,
        )
        noise = self._noise(y, noise_mode, generator)
        if noise is not None:
            y = y.addcmul_(noise, self.noise_strength * ACTIVATION_GAIN)
        return clamp(F.leaky_relu(y, SLOPE, inplace=True), self.limit)

    def in_tiles(self, x: Tensor) -> bool:
        """Whether `convolve_tiles` is the faster way for features ``x``."""
        return not torch.is_grad_enabled() and fast(x) and winograd.pays(self.weight, x, self.up)

    def convolve_tiles(
        self,
        x: Tensor,
        w: Tensor,
        noise_mode: NoiseMode,
        generator: torch.Generator | None,
        colours: Tensor | None = None,
        keep: bool = True,
    ) -> tuple[Tensor | None, Tensor | None]:
        """What `forward` gives, and its ``colours`` [N, K, O] [N, K, H', W'], without gradient.

        Features that are not to be kept are None, as are colours that are not asked for.
        """
        noise = self._noise(x, noise_mode, generator)
        if noise is not None:
            noise = (noise * (self.noise_strength * ACTIVATION_GAIN)).expand(len(x), -1, -1, -1)[:, 0]
        made = []
        for index, (one, style) in enumerate(zip(x.split(1), self.affine(w), strict=True)):
            finish = winograd.Finish(
                self.bias * ACTIVATION_GAIN,
                None if noise is None else noise[index],
                SLOPE,
                self.limit,
                None if colours is None else colours[index],
            )
            own = modulated(self.weight, style, ACTIVATION_GAIN)
            options = {"up": self.up, "fir": self.resample_filter, "replicate": self.replicate, "keep": keep}
            made.append(winograd.convolve(one, own, finish, **options))
        return tuple(None if parts[0] is None else _joined(parts) for parts in zip(*made, strict=True))

    def _noise(self, x: Tensor, noise_mode: NoiseMode, generator: torch.Generator | None) -> Tensor | None:
        """Noise [N or 1, 1, R, R] before its strength; None where it would add nothing."""
        if noise_mode == "none":
            return None
        if noise_mode == "random":
            shape = (len(x), 1, self.resolution, self.resolution)
            noise = torch.randn(shape, generator=generator, device=x.device)
        else:
            noise = self.noise_const[None, None]
        trained = torch.is_grad_enabled() and self.noise_strength.requires_grad
        return None if not trained and fast(x) and float(self.noise_strength) == 0 else noise


def _joined(parts: Sequence[Tensor]) -> Tensor:
    # Joining a single sample's would copy it.
    return parts[0] if len(parts) == 1 else torch.cat(parts)


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
        """Map features [N, I, H, W] and latents [N, w] to [N, O, H, W]."""
        if not torch.is_grad_enabled() and fast(x):
            return self.finish((self.filters(w) @ x.flatten(2)).unflatten(2, x.shape[2:]))
        styles = self.affine(w) * self.style_gain
        return clamp(modulated_convolution(x, self.weight, styles, self.bias, demodulate=False), self.limit)

    def filters(self, w: Tensor) -> Tensor:
        """Each sample's own filters [N, O, I]."""
        return self.weight[:, :, 0, 0] * (self.affine(w) * self.style_gain)[:, None]

    def finish(self, colours: Tensor) -> Tensor:
        """Bias and limit of colours [N, O, H, W] that the filters gave."""
        return clamp(colours + self.bias[:, None, None], self.limit)


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
        options = {"limit": limit, "replicate": replicate}
        if inputs is None:
            self.const = nn.Parameter(normal(outputs, resolution, resolution))
        else:
            self.conv0 = SynthesisLayer(inputs, outputs, w_dim, resolution, up=up, **options)
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, resolution, **options)
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
        noise_mode: NoiseMode = "const",
        generator: torch.Generator | None = None,
        keep: bool = True,
    ) -> tuple[Tensor | None, Tensor]:
        """Advance features and image.

        Args:
            x: features [N, I, H, W]; None for the first block.
            image: image so far [N, C, H, W]; None for the first block.
            ws: latents [N, 3, w] for conv0, conv1 and torgb ([N, 2, w] for the first block).
            keep: whether the features are wanted; where they are not, they may be None.
        """
        rows = iter(ws.unbind(dim=1))
        if self.starts:
            x = self.const.expand(len(ws), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        else:
            x = self.conv0(x, next(rows), noise_mode, generator)
        w, colour_w = rows
        if self.conv1.in_tiles(x):
            filters = self.torgb.filters(colour_w)
            x, rgb = self.conv1.convolve_tiles(x, w, noise_mode, generator, filters, keep)
            rgb = self.torgb.finish(rgb)
        else:
            x = self.conv1(x, w, noise_mode, generator)
            rgb = self.torgb(x, colour_w)
        if image is None:
            return x, rgb
        return x, (upsample_image(image, replicate=self.replicate) if self.up else image) + rgb
