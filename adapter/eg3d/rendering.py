"""Planes and cameras to rendered features: the tri-plane volume renderer.

The first decoder (the source's) places the samples, without gradient; every decoder is then evaluated at these samples,
so that source and target share rays, positions and plane features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.config import RenderingConfig
from adapter.eg3d.cpu import accelerated, fused
from adapter.eg3d.decoder import COLOR_GAIN, COLOR_SHIFT, Decoder
from adapter.eg3d.planes import Planes
from adapter.eg3d.ray_marching import Marched, accumulate, finish
from adapter.eg3d.ray_tracer import RayTracer
from adapter.eg3d.samples import Samples
from adapter.utils.parallel import each


@dataclass
class Rendered:
    """Features [N, F, R, R] in about [-1, 1], depth [N, 1, R, R] (distance), opacity [N, 1, R, R]."""

    features: Tensor
    depth: Tensor
    opacity: Tensor

    @property
    def rgb(self) -> Tensor:
        """The raw colors [N, 3, R, R]."""
        return self.features[:, :3]


@dataclass
class Field:
    """What is read from the planes: a decoder, and the colors [F, h, w] in [0, 1] behind it.

    A field without a background has the configuration's: white or none.
    """

    decoder: Decoder
    background: Tensor | None = None

    def background_rows(self, config: RenderingConfig, resolution: int) -> Tensor | None:
        """Background colors per ray, [R*R, F] or [1], or None."""
        if self.background is None:
            if not config.white_background:
                return None
            return next(self.decoder.parameters()).new_full((1,), config.background_level)
        image = self.background[None]
        if image.shape[-2:] != (resolution, resolution):
            image = F.interpolate(image, size=(resolution, resolution), mode="bilinear")
        return image[0].flatten(1).T


@accelerated(fused.decode_and_march)
def decode_and_march(decoder: Decoder, features: Tensor, depths: Tensor) -> Marched:
    """Decode plane features [N, M, S, C] at sorted ``depths`` [N, M, S] and march them; differentiable in all."""
    density, sigmoids = decoder.density_and_sigmoids(features)
    marched = accumulate(density, sigmoids, depths)
    # Once a ray, as the weights of its samples sum to its opacity.
    return marched._replace(colors=marched.colors * COLOR_GAIN + COLOR_SHIFT * marched.opacity[..., None])


def render(
    planes: Planes, cameras: Tensor, resolution: int, fields: Sequence[Field], config: RenderingConfig
) -> list[Rendered]:
    """Render planes with every field, at samples placed by the first; arguments as of `RayTracer`.

    Differentiable in planes, cameras and fields; the depths of samples count as constants.
    """
    # A ray that is left out has no gradient that could make it hit something.
    moving = torch.is_grad_enabled() and (planes.values.requires_grad or cameras.requires_grad)
    tracer = RayTracer(planes, cameras, resolution, fields[0].decoder, config, every_ray=moving)

    def march_chunk(rays: slice) -> tuple[list[Marched], Tensor, Tensor]:
        depths, features = tracer.trace(rays)
        marched = [decode_and_march(field.decoder, features.to(field.decoder.dtype), depths) for field in fields]
        return marched, depths.min(), depths.max()

    chunks, near, far = zip(*each(march_chunk, tracer.chunks(), cameras.device), strict=True)
    bounds = torch.stack(near).min(), torch.stack(far).max()
    rendered = []
    for field, marched in zip(fields, zip(*chunks, strict=True), strict=True):
        whole = Marched(*(torch.cat(parts, dim=1) for parts in zip(*marched, strict=True)))
        rendered.append(_to_image(whole, field, tracer.places, resolution, bounds, config))
    return rendered


def sample(
    planes: Planes,
    cameras: Tensor,
    resolution: int,
    decoder: Decoder,
    config: RenderingConfig,
    every_ray: bool = False,
) -> Samples:
    """Read the planes where ``decoder`` places samples, for `march` with any decoder; arguments as of `RayTracer`.

    ``every_ray`` keeps the rays that show nothing, for a field that may show something there.
    """
    tracer = RayTracer(planes, cameras, resolution, decoder, config, every_ray)
    depths, features = zip(*each(tracer.trace, tracer.chunks(), cameras.device), strict=True)
    return Samples(torch.cat(depths, dim=1), torch.cat(features, dim=1), resolution, tracer.places)


def march(samples: Samples, field: Field, config: RenderingConfig) -> Rendered:
    """Decode and march cached samples; equals `render` for the decoder that placed them."""
    marched = decode_and_march(field.decoder, samples.features.to(field.decoder.dtype), samples.depths)
    bounds = samples.depths.min(), samples.depths.max()
    return _to_image(marched, field, samples.places, samples.resolution, bounds, config)


def _to_image(
    marched: Marched,
    field: Field,
    places: Tensor | None,
    resolution: int,
    bounds: tuple[Tensor, Tensor],
    config: RenderingConfig,
) -> Rendered:
    """Put the background behind the rays and arrange them as images; depths are limited to ``bounds``."""
    if places is not None:
        marched = Marched(*(_spread(part, places) for part in marched))
    features, depth, opacity = finish(marched, field.background_rows(config, resolution))
    views = len(features)
    return Rendered(
        features.transpose(1, 2).reshape(views, -1, resolution, resolution),
        depth.clamp(*bounds).reshape(views, 1, resolution, resolution),
        opacity.reshape(views, 1, resolution, resolution),
    )


def _spread(values: Tensor, places: Tensor) -> Tensor:
    """Values of the traced rays [N, K, ...] at their places in the image [N, R * R, ...], zeros elsewhere."""
    padded = torch.cat([values, torch.zeros_like(values[:, :1])], dim=1)
    first = torch.arange(len(values), device=values.device)[:, None] * padded.shape[1]
    return padded.flatten(0, 1)[(places + first).flatten()].unflatten(0, places.shape)
