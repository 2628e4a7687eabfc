"""Planes and cameras to rendered features: the tri-plane volume renderer.

One decoder (the source's) places the samples, without gradient; every decoder is then evaluated at those same
samples, so that source and target share rays, positions and plane features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from adapter.eg3d.config import RenderingConfig
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.fused import decode_and_march
from adapter.eg3d.kernels import fast
from adapter.eg3d.marching import bound_depth, finish, march_weights
from adapter.eg3d.parallel import each, even_spans
from adapter.eg3d.planes import Planes, lookup
from adapter.eg3d.rays import camera_rays, ray_range
from adapter.eg3d.sampling import importance_depths, importance_draws, stratified_depths

MAX_POINTS = {"cpu": 2**15, "cuda": 2**19}
"""Points per chunk by kind of device. Bounds the memory of a render; on a CPU, to what its caches hold."""


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
    """Some rays of every view, their samples sorted by depth; ``noise`` goes onto raw densities."""

    rays: slice
    depths: Tensor
    features: Tensor
    noise: Tensor | None


@dataclass
class _Draws:
    """Everything random or ruled about a render, for all rays at once, so that chunks cannot change it."""

    coarse: Tensor
    importance: Tensor
    noise: Tensor | None


def _draw(start: Tensor, end: Tensor, config: RenderingConfig, generator: torch.Generator | None) -> _Draws:
    count, rays, _ = start.shape

    def noise(samples: int) -> Tensor | None:
        if not config.density_noise or generator is None:
            return None
        return torch.randn(count, rays, samples, generator=generator, device=start.device) * config.density_noise

    coarse = stratified_depths(start, end, config.samples, disparity=config.disparity, generator=generator)
    coarse_noise = noise(config.samples)
    fine = importance_draws(count * rays, config.importance_samples, config.fine_rule, generator, start.device)
    both = None if coarse_noise is None else torch.cat([coarse_noise, noise(config.importance_samples)], dim=-1)
    return _Draws(coarse, fine.unflatten(0, (count, rays)), both)


def _points(origins: Tensor, directions: Tensor, depths: Tensor) -> Tensor:
    return torch.addcmul(origins[:, :, None], directions[:, :, None], depths[..., None]).flatten(1, 2)


def _read(planes: Planes, origins: Tensor, directions: Tensor, depths: Tensor, box_warp: float) -> Tensor:
    return lookup(planes, _points(origins, directions, depths), box_warp).unflatten(1, depths.shape[1:])


@torch.no_grad()
def _place(
    planes: Planes,
    origins: Tensor,
    directions: Tensor,
    draws: _Draws,
    rays: slice,
    decoder: Decoder,
    config: RenderingConfig,
) -> tuple[Tensor, Tensor | None]:
    """Sorted depths [N, m, S] of some rays, and the noise at them."""
    coarse = draws.coarse[:, rays]
    noise = None if draws.noise is None else draws.noise[:, rays]
    if not config.importance_samples:
        return coarse, noise
    density = decoder.density(_read(planes, origins, directions, coarse, config.box_warp))
    if noise is not None:
        density += noise[..., : config.samples]
    weights = march_weights(density, coarse)
    fine = importance_depths(coarse, weights, draws.importance[:, rays], bins=config.importance_bins)
    depths, order = torch.cat([coarse, fine], dim=-1).sort(dim=-1, stable=True)
    return depths, None if noise is None else noise.gather(-1, order)


class _Tracer:
    """The rays of some cameras, and a decoder that places samples along them."""

    def __init__(
        self,
        planes: Planes,
        cameras: Tensor,
        resolution: int,
        decoder: Decoder,
        config: RenderingConfig,
        generator: torch.Generator | None,
    ) -> None:
        self.planes, self.decoder, self.config = planes, decoder, config
        self.origins, self.directions = camera_rays(cameras, resolution)
        ranges = (bound.detach() for bound in ray_range(self.origins, self.directions, config))
        self.draws = _draw(*ranges, config, generator)
        if fast(cameras):
            # Made once, before several threads ask for them.
            planes.rows  # noqa: B018

    def parts(self, max_points: int | None) -> list[slice]:
        """All rays, cut evenly into as few parts as hold ``max_points`` samples each."""
        count, rays, _ = self.origins.shape
        points = max_points or MAX_POINTS.get(self.origins.device.type, MAX_POINTS["cuda"])
        most = max(1, points // (count * (self.config.samples + self.config.importance_samples)))
        return even_spans(rays, -(-rays // most))

    def trace(self, part: slice) -> _Chunk:
        """Place and read the samples of some rays."""
        here, along = self.origins[:, part], self.directions[:, part]
        depths, noise = _place(self.planes, here, along, self.draws, part, self.decoder, self.config)
        # Reading the coarse samples again costs less than sorting what was read.
        return _Chunk(part, depths, _read(self.planes, here, along, depths, self.config.box_warp), noise)


class _Seen(NamedTuple):
    """What the fields show along some rays, and the range of their samples' depths."""

    fields: list[tuple[Tensor, Tensor, Tensor]]
    low: Tensor
    high: Tensor


def render(
    planes: Planes,
    cameras: Tensor,
    resolution: int,
    fields: Sequence[Field],
    config: RenderingConfig,
    *,
    generator: torch.Generator | None = None,
    max_points: int | None = None,
) -> list[Rendered]:
    """Render planes with every field, at samples placed by the first.

    Differentiable in planes, cameras and fields; where the samples lie is taken as given.

    Args:
        planes: of N latents.
        cameras: labels [N, 25].
        resolution: side R of the rendered features.
        generator: draws as EG3D does; None follows the fixed rule.
        max_points: bounds memory by working on as many rays at a time as hold that many points; `MAX_POINTS` of the
            device where None.
    """
    backgrounds = [field.background_rows(config, resolution) for field in fields]
    tracer = _Tracer(planes, cameras, resolution, fields[0].decoder, config, generator)

    def see(part: slice) -> _Seen:
        chunk = tracer.trace(part)
        done = []
        for field, background in zip(fields, backgrounds, strict=True):
            behind = background[part] if background is not None and len(background) > 1 else background
            done.append(finish(decode_and_march(field.decoder, chunk.features, chunk.depths, chunk.noise), behind))
        return _Seen(done, chunk.depths.min(), chunk.depths.max())

    chunks, low, high = zip(*each(see, tracer.parts(max_points)), strict=True)
    bounds = torch.stack(low).min(), torch.stack(high).max()
    return [
        _assemble(*(torch.cat(parts, dim=1) for parts in zip(*done, strict=True)), resolution, bounds)
        for done in zip(*chunks, strict=True)
    ]


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
    max_points: int | None = None,
) -> Samples:
    """Read the planes where ``decoder`` places its samples, sorted by depth, to be marched later by any decoder."""
    tracer = _Tracer(planes, cameras, resolution, decoder, config, generator)
    chunks = each(tracer.trace, tracer.parts(max_points))
    return Samples(
        torch.cat([chunk.depths for chunk in chunks], dim=1),
        torch.cat([chunk.features for chunk in chunks], dim=1),
        resolution,
    )


def march(samples: Samples, field: Field, config: RenderingConfig) -> Rendered:
    """Decode and march cached samples; with the decoder that placed them this equals ``render``."""
    behind = field.background_rows(config, samples.resolution)
    parts = finish(decode_and_march(field.decoder, samples.features, samples.depths), behind)
    return _assemble(*parts, samples.resolution, (samples.depths.min(), samples.depths.max()))
