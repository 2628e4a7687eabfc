"""What the regression minimizes: color before and after super-resolution, mask, depth, LPIPS."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.config import RenderingConfig
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.front import FrontReader
from adapter.eg3d.generator import Generator
from adapter.eg3d.plane_lookup import lookup
from adapter.eg3d.planes import Planes
from adapter.eg3d.ray_marching import finish, march_weights
from adapter.eg3d.rays import rays_through
from adapter.eg3d.rendering import decode_and_march
from adapter.eg3d.sampling import importance_depths, stratified_depths
from adapter.training.faces import backgrounds
from adapter.training.faces.dataset import RAW, SIZE, Batch
from adapter.training.faces.network import front_planes
from adapter.training.faces.perceptual import Lpips
from adapter.training.faces.recipe import Weights

SCALE = SIZE // RAW
CLEAR, EVERY = 0.05, 3
"""World units before a known surface that must be empty, and of which rays this is asked."""
KNOWN_SPREAD = 0.025
"""Standard deviation of samples around a known surface in world units."""


class Rays(NamedTuple):
    """Rendered features [B, F, P, P] in about [-1, 1], depth and opacity [B, 1, P, P]; density before surfaces []."""

    features: Tensor
    depth: Tensor
    opacity: Tensor
    before: Tensor


class Pictures(NamedTuple):
    """Super-resolved images and the truth [B, 3, S, S]; where the truth is unknown both show the same."""

    made: Tensor
    true: Tensor


def place_samples(
    decoder: Decoder,
    planes: Planes,
    batch: Batch,
    config: RenderingConfig,
    counts: tuple[int, int, int],
    random: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Sorted depths [B, M, even + fine] along the rays, and the rays' origins and directions [B, M, 3].

    Some samples are spread over the range; the fine ones lie around the known surface, or else where the decoder
    finds density.

    Args:
        counts: samples of the pass that looks for density, samples spread evenly, fine samples.
    """
    looking, even, fine = counts
    origins, directions = rays_through(batch.camera, batch.points)
    shape = (*origins.shape[:2], 1)
    near, far = origins.new_full(shape, config.ray_start), origins.new_full(shape, config.ray_end)
    with torch.no_grad():
        coarse = stratified_depths(near, far, looking, generator=random)
        found = march_weights(decoder.density(read(planes, origins, directions, coarse, config)), coarse)
        draws = torch.rand(*shape[:2], fine, generator=random)
        dense = importance_depths(coarse, found, draws, bins=config.importance_bins)
        known = batch.depth.flatten(1)[..., None]
        around = known + torch.randn(*shape[:2], fine, generator=random) * KNOWN_SPREAD
        half = torch.arange(fine) % 2 == 0
        dense = torch.where((known > 0) & half, around, dense)
        spread = stratified_depths(near, far, even, generator=random)
        return torch.cat([spread, dense], dim=-1).sort(dim=-1)[0], origins, directions


def read(planes: Planes, origins: Tensor, directions: Tensor, depths: Tensor, config: RenderingConfig) -> Tensor:
    """Plane features [B, M, S, C] at depths [B, M, S]; all views of a person in one lookup."""
    points = origins[:, :, None] + directions[:, :, None] * depths[..., None]
    features = lookup(planes, points.reshape(len(planes), -1, 3), config.box_warp)
    return features.reshape(*depths.shape, -1)


def render(
    generator: Generator,
    planes: Planes,
    batch: Batch,
    behind: Tensor,
    counts: tuple[int, int, int],
    random: torch.Generator,
) -> Rays:
    """Render a batch's patches before backgrounds ``behind`` [B, F, P, P] in [0, 1]."""
    config = generator.config.rendering
    depths, origins, directions = place_samples(generator.decoder, planes, batch, config, counts, random)
    features = read(planes, origins, directions, depths, config)
    marched = decode_and_march(generator.decoder, features, depths)
    before = density_before(generator.decoder, features, depths, batch)
    colors, depth, opacity = finish(marched, behind.flatten(2).transpose(1, 2))
    count, side = len(colors), behind.shape[-1]
    depth = torch.where(opacity > 0, depth, config.ray_end)
    return Rays(
        colors.transpose(1, 2).reshape(count, -1, side, side),
        depth.reshape(count, 1, side, side),
        opacity.reshape(count, 1, side, side),
        before,
    )


def density_before(decoder: Decoder, features: Tensor, depths: Tensor, batch: Batch) -> Tensor:
    """Mean density at samples clearly before known surfaces, and of rays that meet nobody, on some of the rays.

    Args:
        features: of the samples [B, M, S, C].
        depths: of the samples [B, M, S].
    """
    share = F.avg_pool2d(batch.mask, batch.mask.shape[-1] // batch.depth.shape[-1]).flatten(1)[..., None]
    known = batch.depth.flatten(1)[..., None]
    empty = ((known > 0) & (depths < known - CLEAR)) | (share == 0)
    chosen = empty[:, ::EVERY]
    density = decoder(features[:, ::EVERY][chosen])[0]
    return F.softplus(density - 1).mean()


def losses(
    generator: Generator,
    reader: FrontReader,
    batch: Batch,
    latents: Tensor,
    perceive: Lpips,
    weights: Weights,
    counts: tuple[int, int, int],
    judged: int,
    random: torch.Generator,
    *,
    bf16: bool = True,
) -> tuple[dict[str, Tensor], Pictures | None]:
    """Weighted terms of one batch, and its pictures if there was super-resolution.

    Args:
        reader: turns the batch's front features into a part of the XY plane.
        latents: what the backbone reads [N, 512].
        judged: how many of the patches LPIPS sees after super-resolution. Overviews (`People.overview`) leave
            super-resolution out; there LPIPS sees all.
        bf16: whether convolutions run in bfloat16.
    """
    patch = batch.depth.shape[-1]
    scale = batch.color.shape[-1] // patch
    overview = scale > SCALE
    whole = backgrounds.draw(len(batch.camera), patch if overview else RAW, random)
    behind = whole if overview else backgrounds.cut(whole, batch.origin, patch, RAW)
    known, share, weight = (F.avg_pool2d(part, scale) for part in (batch.valid, batch.mask, batch.weight))
    small = F.avg_pool2d(batch.color * batch.mask, scale) + (behind * 2 - 1) * (1 - share)

    ws = latents[:, None].expand(-1, generator.config.num_ws, -1)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        planes = front_planes(generator, ws, reader(*batch.front))
    planes = Planes(planes.values.float(), planes.axes, planes.divisor)
    rendered = backgrounds.features(behind, generator.config.feature_channels)
    rays = render(generator, planes, batch, rendered, counts, random)
    raw = rays.features[:, :3]
    hit = (batch.depth > 0) * known
    opacity = rays.opacity.clamp(1e-4, 1 - 1e-4)
    terms = {
        "raw": ((raw - small).abs() * weight * known).mean(),
        "mask": (F.binary_cross_entropy(opacity, share, reduction="none") * known).mean(),
        "empty": rays.before,
        "depth": ((rays.depth - batch.depth).abs() * hit * rays.opacity.detach()).mean(),
    }
    pictures = None
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        if overview:
            seen = F.interpolate(raw * known + small * (1 - known), scale_factor=2, mode="bilinear")
            terms["raw_lpips"] = perceive(seen, F.interpolate(small, scale_factor=2, mode="bilinear")).mean()
        else:
            truth = compose(batch.color, batch.mask, backgrounds.enlarge(behind, SCALE) * 2 - 1)
            pictures, judged_terms = _judge_images(generator, rays, ws, batch, truth, perceive, judged)
            terms |= judged_terms
    return {name: getattr(weights, name) * value for name, value in terms.items()}, pictures


def compose(color: Tensor, mask: Tensor, behind: Tensor) -> Tensor:
    """Lay people over a background, all [B, 3, S, S] in [-1, 1]."""
    return color * mask + behind * (1 - mask)


def _judge_images(
    generator: Generator, rays: Rays, ws: Tensor, batch: Batch, truth: Tensor, perceive: Lpips, judged: int
) -> tuple[Pictures, dict[str, Tensor]]:
    views = len(batch.camera) // len(ws)
    image = generator.superresolve(rays.features, ws.repeat_interleave(views, dim=0)).float()
    seen = image * batch.valid + truth * (1 - batch.valid)
    chosen = slice(None, None, max(1, len(seen) // judged))
    return Pictures(seen, truth), {
        "final": ((image - truth).abs() * batch.weight * batch.valid).mean(),
        "lpips": perceive(seen[chosen], truth[chosen]).mean(),
    }
