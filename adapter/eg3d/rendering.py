"""Planes and cameras to rendered features: the tri-plane volume renderer.

Sampling follows the first decoder it is given (the source); every decoder is then evaluated at those same samples,
so that source and target share rays, positions and plane features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from adapter.eg3d.config import RenderingConfig
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.marching import bound_depth, composite, march_weights
from adapter.eg3d.planes import Planes, lookup
from adapter.eg3d.rays import camera_rays, ray_range
from adapter.eg3d.sampling import importance_depths, stratified_depths

MAX_POINTS = 2**19
"""Points per chunk: bounds the memory of a render to a few hundred megabytes."""


@dataclass
class Samples:
    """Plane features at the places where the source was sampled: all that marching needs, for any decoder.

    Attributes:
        depths: sorted distances [N, M, S].
        features: averaged plane features [N, M, S, C].
        resolution: side R of the image the M = R * R rays belong to.
    """

    depths: Tensor
    features: Tensor
    resolution: int

    def __getitem__(self, index: slice | list[int] | Tensor) -> "Samples":
        """The samples of some of the N views."""
        return Samples(self.depths[index], self.features[index], self.resolution)


@dataclass
class Rendered:
    """Features [N, F, R, R] in about [-1, 1], depth [N, 1, R, R] (distance), opacity [N, 1, R, R]."""

    features: Tensor
    depth: Tensor
    opacity: Tensor

    @property
    def rgb(self) -> Tensor:
        """The raw colours [N, 3, R, R]."""
        return self.features[:, :3]


@dataclass
class Field:
    """What is read from the planes: a decoder, and the colours [F, h, w] in [0, 1] behind it.

    Without a background of its own, a field has the configuration's: white or none.
    """

    decoder: Decoder
    background: Tensor | None = None

    def background_rows(self, config: RenderingConfig, resolution: int) -> Tensor | None:
        """Background colours per ray, [R*R, F] or [1], or None."""
        if self.background is None:
            return self.decoder.net[2].weight.new_ones(1) if config.white_background else None
        image = self.background[None]
        if image.shape[-2:] != (resolution, resolution):
            image = functional.interpolate(image, size=(resolution, resolution), mode="bilinear")
        return image[0].flatten(1).T


@dataclass
class _Chunk:
    part: slice
    depths: Tensor
    features: Tensor
    order: Tensor
    decoded: list[tuple[Tensor, Tensor]]


def _points(origins: Tensor, directions: Tensor, depths: Tensor) -> Tensor:
    return (origins[:, :, None] + directions[:, :, None] * depths[..., None]).flatten(1, 2)


def _read(planes: Planes, origins: Tensor, directions: Tensor, depths: Tensor, box_warp: float) -> Tensor:
    return lookup(planes, _points(origins, directions, depths), box_warp).unflatten(1, depths.shape[1:])


def _noisy(density: Tensor, config: RenderingConfig, generator: torch.Generator | None) -> Tensor:
    if not config.density_noise or generator is None:
        return density
    noise = torch.randn(density.shape, generator=generator, device=density.device)
    return density + noise * config.density_noise


def _trace(
    planes: Planes,
    cameras: Tensor,
    resolution: int,
    decoders: Sequence[Decoder],
    config: RenderingConfig,
    generator: torch.Generator | None,
    max_points: int,
) -> Iterator[_Chunk]:
    origins, directions = camera_rays(cameras, resolution)
    start, end = ray_range(origins, directions, config)
    total = config.samples + config.importance_samples
    rays = max(1, max_points // (len(cameras) * total))
    # Draws are made for the whole image at once, so that the size of a chunk cannot change them.
    coarse_all = stratified_depths(start, end, config.samples, disparity=config.disparity, generator=generator)
    for first in range(0, origins.shape[1], rays):
        part = slice(first, first + rays)
        here, along, coarse = origins[:, part], directions[:, part], coarse_all[:, part]
        features = _read(planes, here, along, coarse, config.box_warp)
        decoded = [decoder(features) for decoder in decoders]
        decoded = [(_noisy(density, config, generator), colour) for density, colour in decoded]
        depths = coarse
        if config.importance_samples:
            fine = importance_depths(
                coarse,
                march_weights(decoded[0][0].detach(), coarse),
                config.importance_samples,
                bins=config.importance_bins,
                rule=config.fine_rule,
                generator=generator,
            )
            more = _read(planes, here, along, fine, config.box_warp)
            for index, decoder in enumerate(decoders):
                density, colour = decoder(more)
                density = torch.cat([decoded[index][0], _noisy(density, config, generator)], dim=-1)
                decoded[index] = density, torch.cat([decoded[index][1], colour], dim=-2)
            features = torch.cat([features, more], dim=-2)
            depths = torch.cat([coarse, fine], dim=-1)
        yield _Chunk(part, depths, features, depths.argsort(dim=-1, stable=True), decoded)


def render(
    planes: Planes,
    cameras: Tensor,
    resolution: int,
    fields: Sequence[Field],
    config: RenderingConfig,
    *,
    generator: torch.Generator | None = None,
    max_points: int = MAX_POINTS,
) -> list[Rendered]:
    """Render planes with every field, at samples placed by the first.

    Args:
        planes: of N latents.
        cameras: labels [N, 25].
        resolution: side R of the rendered features.
        generator: draws as EG3D does; None follows the fixed rule.
        max_points: bounds memory by working on as many rays at a time as hold that many points.
    """
    parts: list[list[tuple[Tensor, Tensor, Tensor]]] = [[] for _ in fields]
    backgrounds = [field.background_rows(config, resolution) for field in fields]
    decoders = [field.decoder for field in fields]
    low, high = [], []
    for chunk in _trace(planes, cameras, resolution, decoders, config, generator, max_points):
        low.append(chunk.depths.detach().min())
        high.append(chunk.depths.detach().max())
        for index, (density, colour) in enumerate(chunk.decoded):
            behind = backgrounds[index]
            if behind is not None and len(behind) > 1:
                behind = behind[chunk.part]
            parts[index].append(composite(density, colour, chunk.depths, chunk.order, behind))
    bounds = torch.stack(low).min(), torch.stack(high).max()
    return [_assemble(*map(torch.cat, zip(*part, strict=True), [1] * 3), resolution, bounds) for part in parts]


def _assemble(
    features: Tensor, depth: Tensor, opacity: Tensor, resolution: int, bounds: tuple[Tensor, Tensor]
) -> Rendered:
    count = len(features)
    return Rendered(
        features.transpose(1, 2).reshape(count, -1, resolution, resolution),
        bound_depth(depth, *bounds).reshape(count, 1, resolution, resolution),
        opacity.reshape(count, 1, resolution, resolution),
    )


def sample(
    planes: Planes,
    cameras: Tensor,
    resolution: int,
    decoder: Decoder,
    config: RenderingConfig,
    *,
    generator: torch.Generator | None = None,
    max_points: int = MAX_POINTS,
) -> Samples:
    """Read the planes where ``decoder`` places its samples, sorted by depth, to be marched later by any decoder."""
    depths, features = [], []
    for chunk in _trace(planes, cameras, resolution, [decoder], config, generator, max_points):
        depths.append(chunk.depths.gather(-1, chunk.order))
        index = chunk.order[..., None].expand_as(chunk.features)
        features.append(chunk.features.gather(-2, index))
    return Samples(torch.cat(depths, dim=1), torch.cat(features, dim=1), resolution)


def march(samples: Samples, field: Field, config: RenderingConfig) -> Rendered:
    """Decode and march cached samples; with the decoder that placed them this equals ``render``."""
    density, colour = field.decoder(samples.features)
    behind = field.background_rows(config, samples.resolution)
    parts = composite(density, colour, samples.depths, None, behind)
    return _assemble(*parts, samples.resolution, (samples.depths.min(), samples.depths.max()))
