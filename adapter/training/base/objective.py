"""What the regression minimises: colour before and after super-resolution, mask, depth, features."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.config import RenderingConfig
from adapter.eg3d.generator import Generator
from adapter.eg3d.plane_lookup import lookup
from adapter.eg3d.planes import Planes
from adapter.eg3d.ray_marching import finish
from adapter.eg3d.rays import rays_through
from adapter.eg3d.rendering import decode_and_march
from adapter.training.base.data import Batch

SPREAD_NARROW, SPREAD_WIDE, WIDE_SHARE = 0.02, 0.06, 0.3
"""Standard deviations of guided samples around the surface, and the share of rays that get the wide one."""


@dataclass(frozen=True)
class Weights:
    """Weights of the terms."""

    final: float = 1.0
    raw: float = 0.5
    mask: float = 0.3
    depth: float = 1.0
    features: float = 0.25


def charbonnier(difference: Tensor) -> Tensor:
    """A smooth absolute value, zero at zero."""
    return torch.sqrt(difference.square() + 1e-4) - 1e-2


def guided_depths(
    depth: Tensor, hit: Tensor, near: float, far: float, stratified: int, guided: int, generator: torch.Generator
) -> Tensor:
    """Sorted depths [B, M, stratified + guided] per ray: some over the whole range, some around the known surface.

    Where nothing is hit all are spread over the range. Makes a few samples enough to train with.

    Args:
        depth: known distance [B, M].
        hit: whether it is known [B, M].
    """
    shape, device = depth.shape, depth.device

    def spread(count: int) -> Tensor:
        jitter = torch.rand(*shape, count, generator=generator, device=device)
        return near + (torch.arange(count, device=device) + jitter) * ((far - near) / count)

    wide = torch.rand(*shape, 1, generator=generator, device=device) < WIDE_SHARE
    deviation = torch.where(wide, SPREAD_WIDE, SPREAD_NARROW)
    around = depth[..., None] + torch.randn(*shape, guided, generator=generator, device=device) * deviation
    close = torch.where(hit[..., None], around, spread(guided))
    return torch.cat([spread(stratified), close], dim=-1).sort(dim=-1)[0]


def render_patch(
    generator: Generator, planes: Planes, batch: Batch, depths: Tensor, config: RenderingConfig
) -> tuple[Tensor, Tensor, Tensor]:
    """Features [B, F, P, P], opacity and depth times opacity [B, 1, P, P] at given sample depths [B, P*P, S].

    Planes are those of the N identities; the views of an identity are read in one lookup.
    """
    origins, directions = rays_through(batch.cameras, batch.points)
    points = origins[:, :, None] + directions[:, :, None] * depths[..., None]
    count, rays, samples = depths.shape
    grouped = points.reshape(len(planes), -1, 3)
    features = lookup(planes, grouped, config.box_warp).reshape(count, rays, samples, -1)
    white = features.new_ones(1) if config.white_background else None
    features, depth, opacity = finish(decode_and_march(generator.decoder, features, depths), white)
    side = int(rays**0.5)
    return (
        features.transpose(1, 2).reshape(count, -1, side, side),
        opacity.reshape(count, 1, side, side),
        torch.where(opacity > 0, depth, 0.0).mul(opacity).reshape(count, 1, side, side),
    )


def regression_losses(
    generator: Generator,
    batch: Batch,
    perceive: Callable[[Tensor], list[Tensor]],
    weights: Weights,
    random: torch.Generator,
    stratified: int = 6,
    guided: int = 7,
) -> dict[str, Tensor]:
    """Weighted terms of one batch.

    Args:
        perceive: maps images [B, 3, S, S] in [-1, 1] to feature maps for the perceptual term.
        random: draws sample depths.
        stratified: samples per ray over the whole range.
        guided: samples per ray around the known surface.
    """
    config = generator.config.rendering
    side = int(batch.points.shape[1] ** 0.5)
    scale = batch.color.shape[-1] // side
    covered = (batch.mask > 0).float()
    raw_mask = F.avg_pool2d(batch.mask, scale)
    raw_depth = F.avg_pool2d(batch.depth * covered, scale) / F.avg_pool2d(covered, scale).clamp(min=0.1)
    hit = raw_mask > 0.5

    ws = generator.mapping(batch.latents)
    planes = generator.planes(ws)
    depths = guided_depths(
        raw_depth.flatten(1), hit.flatten(1), config.ray_start, config.ray_end, stratified, guided, random
    )
    features, opacity, depth = render_patch(generator, planes, batch, depths, config)
    views = len(batch.cameras) // len(ws)
    image = generator.superresolve(features, ws.repeat_interleave(views, dim=0))

    raw_weight = F.avg_pool2d(batch.weight, scale)
    terms = {
        "final": (charbonnier(image - batch.color) * batch.weight * batch.valid).mean(),
        "raw": (charbonnier(features[:, :3] - F.avg_pool2d(batch.color, scale)) * raw_weight).mean(),
        "mask": F.binary_cross_entropy(opacity.clamp(1e-4, 1 - 1e-4), raw_mask),
        "depth": ((depth - raw_depth * opacity).abs() * (raw_mask > 0.95)).mean(),
    }
    if weights.features:
        seen = perceive(image * batch.valid + batch.color * (1 - batch.valid))
        with torch.no_grad():
            wanted = perceive(batch.color)
        ratios = [(a - b).abs().mean() / b.abs().mean() for a, b in zip(seen, wanted, strict=True)]
        terms["features"] = torch.stack(ratios).mean()
    return {name: getattr(weights, name) * value for name, value in terms.items()}
