"""A pool of (latent, camera) pairs with everything about the source that training never changes."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adapter.eg3d import Eg3dConfig, Generator, Parts, Samples, lookat_equal_area
from adapter.eg3d.planes import lookup
from adapter.eg3d.rays import camera_rays
from adapter.eg3d.rendering import join_samples
from adapter.encoders.encoder import Encoded, ImageEncoder
from adapter.methods.schema import Method
from adapter.utils.parallel import stream

GROUP = 2
"""Pairs that are rendered and looked at together."""


@dataclass(frozen=True)
class Pool:
    """Source renderings of n pairs.

    Args:
        latents: z [n, z].
        cameras: labels [n, 25].
        ws: [n, num_ws, w].
        samples: plane features at the source's own sample positions, stored in fp16.
        features: the source's rendered features [n, F, R, R], from these very samples.
        opacity: of those renderings [n, 1, R, R], in [0, 1].
        depth: of those renderings [n, 1, R, R], distances from the camera.
        images: the source's images [n, 3, H, W] in [-1, 1].
        seen: what each encoder says about the images.
    """

    latents: Tensor
    cameras: Tensor
    ws: Tensor
    samples: Samples
    features: Tensor
    opacity: Tensor
    depth: Tensor
    images: Tensor
    seen: tuple[Encoded, ...] = ()

    def __len__(self) -> int:
        return len(self.ws)

    def samples_of(self, index: slice | Sequence[int]) -> Samples:
        """The samples of some pairs, in fp32."""
        return self.samples[index].float()


def target_features(generator: Generator, pool: Pool, index: slice | Sequence[int], parts: Parts) -> Tensor:
    """Rendered features [n, F, R, R] of some pairs as the target's, at the places where the source was sampled.

    Differentiable in the parts. Cached plane features serve, unless the parts have a backbone of their own.
    """
    if parts.synthesis is None:
        return generator.march(pool.samples_of(index), parts).features
    samples = pool.samples[index]
    planes = generator.planes(target_rows(pool, index, parts), synthesis=parts.synthesis)
    if samples.places is not None:
        raise ValueError("A backbone of its own needs samples of every ray.")
    origins, directions = camera_rays(pool.cameras[index], samples.resolution)
    points = (origins[:, :, None] + directions[:, :, None] * samples.depths[..., None]).flatten(1, 2)
    read = lookup(planes, points, generator.config.rendering.box_warp).unflatten(1, samples.depths.shape[1:])
    return generator.march(dataclasses.replace(samples, features=read), parts).features


def target_rows(pool: Pool, index: slice | Sequence[int], parts: Parts) -> Tensor:
    """The ws of some pairs that the parts read."""
    return parts.rows(pool.ws[index], pool.latents[index])


def cameras_around_front(config: Eg3dConfig, yaw: Tensor, pitch: Tensor) -> Tensor:
    """Labels [N, 25] of a base's usual cameras at true angles [N] in radians from the front."""
    return lookat_equal_area(
        math.pi / 2 + yaw,
        math.pi / 2 * (1 - pitch.sin()),
        config.camera_radius,
        config.camera_pivot,
        config.focal,
    )


def frontal_label(config: Eg3dConfig, count: int = 1) -> Tensor | None:
    """The label [count, 25] that latents of a conditional base are mapped with; None for an unconditional one."""
    if not config.conditioning:
        return None
    return cameras_around_front(config, torch.zeros(count), torch.zeros(count))


def draw_pairs(config: Eg3dConfig, method: Method, seed: int) -> tuple[Tensor, Tensor]:
    """Latents z ~ N(0, I) [n, z] and camera labels [n, 25], uniform within the method's angles.

    A person's views follow each other.
    """
    random = torch.Generator().manual_seed(seed)
    people = torch.randn(method.pool // method.views, config.z_dim, generator=random)
    z = people.repeat_interleave(method.views, dim=0)
    angles = 2 * torch.rand(2, method.pool, generator=random) - 1
    return z, cameras_around_front(config, method.yaw * angles[0], method.pitch * angles[1])


def fill_pool(
    generator: Generator,
    encoders: Sequence[ImageEncoder],
    layers: Sequence[str | int],
    latents: Tensor,
    cameras: Tensor,
    truncation_psi: float = 1.0,
    embedding: bool = True,
    every_ray: bool = False,
) -> Iterator[Pool]:
    """Render and look at pairs, to be joined by `join`; on a CPU several groups at once.

    Args:
        generator: the source.
        encoders: look at every image once; the layers' tokens are kept.
        latents: z [n, z].
        cameras: labels [n, 25].
        embedding: whether the joint embedding is wanted too.
        every_ray: whether to keep samples where the source shows nothing, for a target that may show something there.

    Returns:
        Pools of up to `GROUP` pairs, in order.
    """
    device = next(generator.parameters()).device
    if not layers and not embedding:
        encoders = ()

    def fill(pairs: tuple[Tensor, Tensor]) -> Pool:
        z, labels = (x.to(device) for x in pairs)
        frontal = frontal_label(generator.config, len(z))
        ws = generator.mapping(z, None if frontal is None else frontal.to(device), truncation_psi)
        return see(generator, encoders, layers, z, ws, labels, embedding, every_ray)

    groups = list(zip(latents.split(GROUP), cameras.split(GROUP), strict=True))
    return stream(fill, groups, device)


@torch.no_grad()
def see(
    generator: Generator,
    encoders: Sequence[ImageEncoder],
    layers: Sequence[str | int],
    latents: Tensor,
    ws: Tensor,
    cameras: Tensor,
    embedding: bool = True,
    every_ray: bool = False,
) -> Pool:
    """Render people z [n, z], ws [n, num_ws, w] from labels [n, 25], and look at their images; see `fill_pool`."""
    samples = generator.sample(generator.planes(ws), cameras, every_ray=every_ray).half()
    rendered = generator.march(samples.float())
    images = generator.superresolve(rendered.features, ws)
    seen = tuple(encoder.encode(images, layers, embedding) for encoder in encoders)
    return Pool(latents, cameras, ws, samples, rendered.features, rendered.opacity, rendered.depth, images, seen)


def join(pools: Sequence[Pool]) -> Pool:
    """One pool of all pairs of several."""
    return Pool(
        latents=torch.cat([pool.latents for pool in pools]),
        cameras=torch.cat([pool.cameras for pool in pools]),
        ws=torch.cat([pool.ws for pool in pools]),
        samples=join_samples([pool.samples for pool in pools]),
        features=torch.cat([pool.features for pool in pools]),
        opacity=torch.cat([pool.opacity for pool in pools]),
        depth=torch.cat([pool.depth for pool in pools]),
        images=torch.cat([pool.images for pool in pools]),
        seen=tuple(_join_seen(parts) for parts in zip(*(pool.seen for pool in pools), strict=True)),
    )


def _join_seen(parts: Sequence[Encoded]) -> Encoded:
    return Encoded(
        embedding=None if parts[0].embedding is None else torch.cat([part.embedding for part in parts]),
        tokens={layer: torch.cat([part.tokens[layer] for part in parts]) for layer in parts[0].tokens},
    )
