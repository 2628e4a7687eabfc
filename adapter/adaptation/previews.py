"""Previews: a few fixed identities as source and as target."""

import numpy as np
import torch
from torch import Tensor

from adapter.adaptation.source_cache import SourceCache, SourceEncoder, join_caches
from adapter.eg3d import Generator, Parts
from adapter.eg3d.camera import cameras_around_front
from adapter.methods.offers import TRUNCATION_PSI

PREVIEW_SEED = 7
PREVIEW_YAWS = (-0.3, 0.0, 0.3)


def preview_set(generator: Generator, latents: Tensor | None = None, every_ray: bool = False) -> SourceCache:
    """Sources of the previews.

    Args:
        generator: the base.
        latents: z [P, z]; a fixed choice where None.
        every_ray: see `SourceEncoder`.
    """
    if latents is None:
        random = torch.Generator().manual_seed(PREVIEW_SEED)
        latents = torch.randn(len(PREVIEW_YAWS), generator.config.z_dim, generator=random)
    yaw = torch.tensor([PREVIEW_YAWS[i % len(PREVIEW_YAWS)] for i in range(len(latents))])
    cameras = cameras_around_front(generator.config, yaw)
    encoder = SourceEncoder(generator, every_ray=every_ray)
    return join_caches(list(encoder.stream(latents, cameras, TRUNCATION_PSI)))


@torch.no_grad()
def render_preview(
    generator: Generator, sources: SourceCache, parts: Parts, features: Tensor | None = None
) -> np.ndarray:
    """Pictures uint8 [P, 2, H, W, 3]: source and target.

    Args:
        features: the target's rendered features [P, F, R, R] if they are known.
    """
    if features is None:
        features = sources.all_target_features(generator, parts)
    noise = generator.surface_noise(parts, sources.cameras, sources.depth, sources.opacity)
    target = generator.superresolve(features, sources.target_ws(slice(None), parts), parts, noise)
    pairs = torch.stack([sources.images, target], dim=1).permute(0, 1, 3, 4, 2)
    return (pairs * 127.5 + 128).clamp(0, 255).to("cpu", torch.uint8).numpy()
