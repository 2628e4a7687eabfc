"""The portrait that an inversion looks for: its camera, renders before its background, and their distance to it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.planes import Planes
from adapter.eg3d.rendering import Field, Rendered, render
from adapter.errors import UserError

LARGEST_SIDE = 256
"""Pixels at which portraits are compared at most; what LPIPS was fitted to."""
_CX, _CY = 18, 21  # places of the principal point in a camera label


class Perceptual(Protocol):
    """A perceptual distance, such as `adapter.encoders.lpips.Lpips`."""

    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """What is compared of images [N, 3, S, S] in [-1, 1]."""

    def between(self, a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
        """Distance [N] of images from their `maps`."""


@dataclass(frozen=True)
class View:
    """The camera of a portrait.

    Attributes:
        angles: yaw and pitch [2] in radians from the front.
        zoom: logarithm of the zoom, a scalar.
        shift: of the picture to the right and down [2], in image sides.
    """

    angles: Tensor
    zoom: Tensor
    shift: Tensor

    @classmethod
    def at(cls, yaw: float, pitch: float, device: torch.device | None = None) -> "View":
        """The base's usual camera at angles in radians."""
        return cls(*(torch.tensor(value, device=device) for value in ([yaw, pitch], 0.0, [0.0, 0.0])))

    def detached(self) -> "View":
        """A copy without gradients."""
        return View(*(value.detach().clone() for value in (self.angles, self.zoom, self.shift)))

    def label(self, generator: Generator) -> Tensor:
        """The camera label [1, 25], differentiable."""
        yaw, pitch = self.angles[:1], self.angles[1:]
        label = cameras_around_front(generator.config, yaw, pitch)
        intrinsics, zoomed = label[:, 16:].clone(), label[:, 16:] * self.zoom.exp()
        for focal in (0, 4):
            intrinsics[:, focal] = zoomed[:, focal]
        label = torch.cat([label[:, :16], intrinsics], dim=1)
        label[:, _CX] = 0.5 + self.shift[0]
        label[:, _CY] = 0.5 + self.shift[1]
        return label


class Target:
    """A portrait, and the distance of renders to it.

    Args:
        generator: the base.
        image: [1, 3, S, S] in [-1, 1].
        perceptual: the distance beside that of pixels.
        weight: how much each pixel counts [1, 1, S, S], 0 to 1; all alike where None.

    Raises:
        UserError: an image of another shape.
    """

    def __init__(self, generator: Generator, image: Tensor, perceptual: Perceptual, weight: Tensor | None) -> None:
        if image.dim() != 4 or image.shape[:2] != (1, 3) or image.shape[2] != image.shape[3]:
            raise UserError("One square colour picture is needed. Crop the picture to the head first.")
        self.generator, self.perceptual = generator, perceptual
        self.image = self._resized(image.to(generator.device).float()).clamp(-1, 1)
        given = torch.ones_like(self.image[:, :1]) if weight is None else weight.to(self.image)
        self.weight = self._resized(given).clamp(0, 1)
        with torch.no_grad():
            self._maps = perceptual.maps(self._small(self.image))

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        """Distances of a render [1, 3, S, S] to the portrait."""
        difference = image - self.image
        # What counts less is taken from the portrait in part, so that it differs less.
        seen = self.image + difference * self.weight.sqrt()
        return {
            "pixel": (difference.abs() * self.weight).sum() / (3 * self.weight.sum()).clamp_min(1e-6),
            "perceptual": self.perceptual.between(self.perceptual.maps(self._small(seen)), self._maps).mean(),
        }

    def colors_behind(self, cells: int) -> Tensor:
        """The portrait's own colors [3, cells, cells] in [0, 1], to begin the background with."""
        return F.adaptive_avg_pool2d((self.image[0] + 1) / 2, cells)

    def preview(self, image: Tensor) -> np.ndarray:
        """The portrait and a render [1, 3, S, S]: uint8 [2, S, S, 3]."""
        both = torch.cat([self.image, image.detach().clamp(-1, 1)]).permute(0, 2, 3, 1)
        return (both * 127.5 + 128).clamp(0, 255).to("cpu", torch.uint8).numpy()

    def _resized(self, image: Tensor) -> Tensor:
        side = self.generator.config.image_resolution
        return F.interpolate(image, (side, side), mode="bicubic", antialias=True)

    def _small(self, image: Tensor) -> Tensor:
        if image.shape[-1] <= LARGEST_SIDE:
            return image
        return F.interpolate(image, (LARGEST_SIDE, LARGEST_SIDE), mode="bilinear", antialias=True)


def render_before(generator: Generator, planes: Planes, camera: Tensor, colors: Tensor) -> Rendered:
    """Render planes before background colors [3, h, w] in [0, 1]; differentiable in all.

    The first three channels of the background are the colors, all others their mean, as white is 1 in every channel.
    """
    level = colors.mean(dim=0, keepdim=True).expand(generator.config.feature_channels - 3, -1, -1)
    field = Field(generator.decoder, torch.cat([colors, level]))
    return render(planes, camera, generator.config.raw_resolution, [field], generator.config.rendering)[0]
