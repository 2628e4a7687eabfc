"""Figures about the renderer: its speed, and the space that heads fill."""

import time

import numpy as np

from adapter.synthetic.heads.attributes import attributes, sample_latent
from adapter.synthetic.heads.mesh import build
from adapter.synthetic.heads.render import orbit_camera, render

VIEWS = 8


def speed(size: int = 128, identities: int = 12, views: int = VIEWS, threads: int | None = None) -> float:
    """Images per second, mesh and light included, with `views` views of each identity."""
    cameras = np.stack([orbit_camera(yaw, 0.05) for yaw in np.linspace(-0.8, 0.8, views)])
    rng = np.random.default_rng(0)
    render(sample_latent(rng), cameras[:1], size, threads=threads)
    latents = [sample_latent(rng) for _ in range(identities)]
    began = time.perf_counter()
    for z in latents:
        render(z, cameras, size, threads=threads)
    return identities * views / (time.perf_counter() - began)


def bounds(identities: int = 200, seed: int = 0) -> dict[str, np.ndarray | float]:
    """Extremes over random heads: lowest and highest vertex [3], nearest and farthest visible depth,
    and by how much the highest hair stays below the upper frame border (world units, frontal view)."""
    rng = np.random.default_rng(seed)
    low, high, near, far = np.full(3, 9.0), np.full(3, -9.0), 9.0, 0.0
    for _ in range(identities):
        z = sample_latent(rng)
        vertices = build(attributes(z)).vertices
        low, high = np.minimum(low, vertices.min(0)), np.maximum(high, vertices.max(0))
        angles = np.stack([rng.uniform(-0.87, 0.87, 3), rng.uniform(-0.35, 0.35, 3)], -1)
        depth = render(z, np.stack([orbit_camera(*a) for a in angles]), 64, 1).depth
        near, far = min(near, float(depth[depth > 0].min())), max(far, float(depth.max()))
    return {"low": low, "high": high, "near": near, "far": far}
