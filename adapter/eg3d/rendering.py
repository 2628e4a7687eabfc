"""Planes and cameras to rendered features: the tri-plane volume renderer.

One decoder (the source's) places the samples, without gradient; every decoder is then evaluated at those same
samples, so that source and target share rays, positions and plane features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from adapter.eg3d.config import RenderingConfig
from adapter.eg3d.cpu import fast
from adapter.eg3d.cpu.fused import decode_and_march
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.planes import Planes, lookup
from adapter.eg3d.ray_marching import Marched, bound_depth, finish, march_weights
from adapter.eg3d.rays import camera_rays, ray_range
from adapter.eg3d.sampling import importance_depths, importance_draws, stratified_depths
from adapter.utils.parallel import each, even_spans

MAX_POINTS = {"cpu": 2**15, "cuda": 2**19}
"""Points per chunk by kind of device. Bounds the memory of a render; on a CPU, to what its caches hold."""
MARGIN = 3
"""Rays around one that hits something which are taken to hit something, too."""


@dataclass
class Samples:
    """Plane features at the places where the source was sampled: all that marching needs, for any decoder.

    Attributes:
        depths: sorted distances [N, K, S], of the K rays that hit something, the same number in every view.
        features: averaged plane features [N, K, S, C].
        resolution: side R of the image.
        places: for each of the image's R * R rays, which of the K it is, and K where it hits nothing [N, R * R]; None
            where all rays are there, in order.
    """

    depths: Tensor
    features: Tensor
    resolution: int
    places: Tensor | None = None

    def __getitem__(self, index: slice | list[int] | Tensor) -> "Samples":
        """The samples of some of the N views."""
        places = None if self.places is None else self.places[index]
        return Samples(self.depths[index], self.features[index], self.resolution, places)

    def float(self) -> "Samples":
        """The same with features in fp32."""
        return replace(self, features=self.features.float())

    def half(self) -> "Samples":
        """The same with features in fp16."""
        return replace(self, features=self.features.half())


def join_samples(parts: Sequence[Samples]) -> Samples:
    """The samples of all views of several, which are of one resolution."""
    if any(part.places is not None for part in parts):
        most = max(part.depths.shape[1] for part in parts)
        parts = [_padded(part, most) for part in parts]
    depths, features = (torch.cat([getattr(part, name) for part in parts]) for name in ("depths", "features"))
    places = None if parts[0].places is None else torch.cat([part.places for part in parts])
    return Samples(depths, features, parts[0].resolution, places)


def _padded(part: Samples, most: int) -> Samples:
    """The same with room for ``most`` rays; no ray's place is in what is added."""
    count, own = part.depths.shape[:2]
    places = part.places
    if places is None:
        places = torch.arange(own, device=part.depths.device).expand(count, -1)
    depths = functional.pad(part.depths, (0, 0, 0, most - own))
    features = functional.pad(part.features, (0, 0, 0, 0, 0, most - own))
    return Samples(depths, features, part.resolution, torch.where(places == own, most, places))


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

    depths: Tensor
    features: Tensor
    noise: Tensor | None


class _Draws(NamedTuple):
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


class _Tracer:
    """The rays of some cameras that hit something, and a decoder that places samples along them."""

    def __init__(
        self,
        planes: Planes,
        cameras: Tensor,
        resolution: int,
        decoder: Decoder,
        config: RenderingConfig,
        generator: torch.Generator | None,
        max_points: int | None,
        *,
        every_ray: bool,
    ) -> None:
        self.planes, self.decoder, self.config, self.max_points = planes, decoder, config, max_points
        self.origins, self.directions = camera_rays(cameras, resolution)
        ranges = (bound.detach() for bound in ray_range(self.origins, self.directions, config))
        self.draws = _draw(*ranges, config, generator)
        self.weights = self.places = None
        if fast(cameras):
            # Made once, before several threads ask for them.
            planes.rows  # noqa: B018
        if config.importance_samples:
            self.weights = torch.cat(each(self._weigh, self.parts()), dim=1)
            if config.empty_below and not every_ray:
                self._leave_empty_rays()

    def parts(self) -> list[slice]:
        """All rays, cut evenly into as few parts as hold ``max_points`` samples each."""
        count, rays, _ = self.origins.shape
        points = self.max_points or MAX_POINTS.get(self.origins.device.type, MAX_POINTS["cuda"])
        most = max(1, points // (count * (self.config.samples + self.config.importance_samples)))
        return even_spans(rays, -(-rays // most))

    def trace(self, part: slice) -> _Chunk:
        """Place and read the samples of some rays."""
        depths, noise = self._place(part)
        # Reading the coarse samples again costs less than sorting what was read.
        return _Chunk(depths, self._read(part, depths), noise)

    def _read(self, part: slice, depths: Tensor) -> Tensor:
        origins, directions = self.origins[:, part, None], self.directions[:, part, None]
        points = torch.addcmul(origins, directions, depths[..., None]).flatten(1, 2)
        return lookup(self.planes, points, self.config.box_warp).unflatten(1, depths.shape[1:])

    @torch.no_grad()
    def _weigh(self, part: slice) -> Tensor:
        """Weights [N, m, S - 1] of the intervals between some rays' coarse samples."""
        coarse = self.draws.coarse[:, part]
        density = self.decoder.density(self._read(part, coarse))
        if self.draws.noise is not None:
            density += self.draws.noise[:, part, : self.config.samples]
        return march_weights(density, coarse)

    @torch.no_grad()
    def _place(self, part: slice) -> tuple[Tensor, Tensor | None]:
        """Sorted depths [N, m, S] of some rays, and the noise at them."""
        coarse = self.draws.coarse[:, part]
        noise = None if self.draws.noise is None else self.draws.noise[:, part]
        if self.weights is None:
            return coarse, noise
        draws = self.draws.importance[:, part]
        fine = importance_depths(coarse, self.weights[:, part], draws, bins=self.config.importance_bins)
        depths, order = torch.cat([coarse, fine], dim=-1).sort(dim=-1, stable=True)
        return depths, None if noise is None else noise.gather(-1, order)

    def _leave_empty_rays(self) -> None:
        hit = hit_rays(self.weights.sum(dim=-1), self.config.empty_below)
        count = max(1, int(hit.sum(dim=1).max()))
        self.places = torch.where(hit, hit.cumsum(dim=1) - 1, count)
        kept = hit.sort(dim=1, descending=True, stable=True).indices[:, :count, None]
        self.origins, self.directions, self.weights = (
            x.take_along_dim(kept, dim=1) for x in (self.origins, self.directions, self.weights)
        )
        self.draws = _Draws(*(x if x is None else x.take_along_dim(kept, dim=1) for x in self.draws))


def hit_rays(opacity: Tensor, empty_below: float) -> Tensor:
    """Which rays may hit something [N, R * R], by their opacity [N, R * R] at coarse samples alone.

    Thin things slip between coarse samples, so rays within `MARGIN` of one that hits something count as well.
    """
    side = round(opacity.shape[1] ** 0.5)
    image = opacity.view(-1, 1, side, side)
    return functional.max_pool2d(image, 2 * MARGIN + 1, stride=1, padding=MARGIN).flatten(1) >= empty_below


class _Seen(NamedTuple):
    """What the fields gather along some rays, and the range of their samples' depths."""

    fields: list[Marched]
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
    # A ray that is left out could not tell what to change so that it hits something.
    moves = torch.is_grad_enabled() and (planes.values.requires_grad or cameras.requires_grad)
    decoder = fields[0].decoder
    tracer = _Tracer(planes, cameras, resolution, decoder, config, generator, max_points, every_ray=moves)

    def see(part: slice) -> _Seen:
        chunk = tracer.trace(part)
        gathered = [decode_and_march(field.decoder, chunk.features, chunk.depths, chunk.noise) for field in fields]
        return _Seen(gathered, chunk.depths.min(), chunk.depths.max())

    chunks, low, high = zip(*each(see, tracer.parts()), strict=True)
    bounds = torch.stack(low).min(), torch.stack(high).max()
    gathered = (
        Marched(*(torch.cat(parts, dim=1) for parts in zip(*done, strict=True))) for done in zip(*chunks, strict=True)
    )
    return [
        _finished(marched, field, tracer.places, resolution, bounds, config)
        for marched, field in zip(gathered, fields, strict=True)
    ]


def _finished(
    marched: Marched,
    field: Field,
    places: Tensor | None,
    resolution: int,
    bounds: tuple[Tensor, Tensor],
    config: RenderingConfig,
) -> Rendered:
    if places is not None:
        marched = Marched(*(_spread(part, places) for part in marched))
    features, depth, opacity = finish(marched, field.background_rows(config, resolution))
    count = len(features)
    return Rendered(
        features.transpose(1, 2).reshape(count, -1, resolution, resolution),
        bound_depth(depth, *bounds).reshape(count, 1, resolution, resolution),
        opacity.reshape(count, 1, resolution, resolution),
    )


def _spread(part: Tensor, places: Tensor) -> Tensor:
    """What K rays gathered [N, K, ...] at their places in the image [N, R * R, ...], nothing elsewhere."""
    known = torch.cat([part, torch.zeros_like(part[:, :1])], dim=1)
    first = torch.arange(len(part), device=part.device)[:, None] * known.shape[1]
    return known.flatten(0, 1)[(places + first).flatten()].unflatten(0, places.shape)


def sample(
    planes: Planes,
    cameras: Tensor,
    resolution: int,
    decoder: Decoder,
    config: RenderingConfig,
    *,
    generator: torch.Generator | None = None,
    max_points: int | None = None,
    every_ray: bool = False,
) -> Samples:
    """Read the planes where ``decoder`` places its samples, sorted by depth, to be marched later by any decoder.

    Args:
        every_ray: also where it finds nothing and the configuration would leave the ray out, for a field that may show
            something there.
    """
    tracer = _Tracer(planes, cameras, resolution, decoder, config, generator, max_points, every_ray=every_ray)
    chunks = each(tracer.trace, tracer.parts())
    return Samples(
        torch.cat([chunk.depths for chunk in chunks], dim=1),
        torch.cat([chunk.features for chunk in chunks], dim=1),
        resolution,
        tracer.places,
    )


def march(samples: Samples, field: Field, config: RenderingConfig) -> Rendered:
    """Decode and march cached samples; with the decoder that placed them this equals ``render``."""
    marched = decode_and_march(field.decoder, samples.features, samples.depths)
    bounds = samples.depths.min(), samples.depths.max()
    return _finished(marched, field, samples.places, samples.resolution, bounds, config)
