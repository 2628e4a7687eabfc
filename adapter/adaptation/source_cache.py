"""A pool of (latent, camera) pairs with everything about the source that training never changes."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from adapter.eg3d import Eg3dConfig, Generator, Parts, Samples, cameras_around_front
from adapter.eg3d.plane_lookup import lookup
from adapter.eg3d.planes import Planes
from adapter.eg3d.rays import camera_rays
from adapter.eg3d.samples import join_samples
from adapter.encoders.encoder import Encoded, ImageEncoder, join_encoded
from adapter.losses.base import Sources
from adapter.methods import Method
from adapter.utils.parallel import stream

GROUP = 2
"""Pairs that are rendered and encoded together."""


@dataclass(frozen=True, kw_only=True)
class SourceCache(Sources):
    """`Sources`, and what the target's renderings are computed from.

    Args:
        latents: z [n, z].
        ws: [n, num_ws, w].
        samples: plane features at the source's own sample positions, stored in fp16.
    """

    latents: Tensor
    ws: Tensor
    samples: Samples

    def target_ws(self, index: slice | Sequence[int] | Tensor, parts: Parts) -> Tensor:
        """The ws of some pairs that the target's parts read."""
        return parts.rows(self.ws[index], self.latents[index])

    def target_features(self, generator: Generator, index: slice | Sequence[int] | Tensor, parts: Parts) -> Tensor:
        """Rendered features [n, F, R, R] of some pairs as the target's, at the places where the source was sampled.

        Differentiable in the parts. Cached plane features serve, unless the parts have a backbone of their own.
        """
        samples = self.samples[index]
        if parts.synthesis is None:
            return generator.march(samples, parts).features
        if samples.places is not None:
            raise ValueError("A backbone of its own needs samples of every ray.")
        planes = generator.planes(self.target_ws(index, parts), synthesis=parts.synthesis)
        origins, directions = camera_rays(self.cameras[index], samples.resolution)
        points = (origins[:, :, None] + directions[:, :, None] * samples.depths[..., None]).flatten(1, 2)
        read = lookup(planes, points, generator.config.rendering.box_warp).unflatten(1, samples.depths.shape[1:])
        return generator.march(dataclasses.replace(samples, features=read), parts).features

    @torch.no_grad()
    def all_target_features(self, generator: Generator, parts: Parts) -> Tensor:
        """`target_features` of every pair, one at a time to bound memory."""
        return torch.cat([self.target_features(generator, slice(i, i + 1), parts) for i in range(len(self))])


def draw_pairs(config: Eg3dConfig, method: Method, seed: int) -> tuple[Tensor, Tensor]:
    """Latents z ~ N(0, I) [n, z] and camera labels [n, 25], uniform within the method's angles.

    An identity's views follow each other.
    """
    random = torch.Generator().manual_seed(seed)
    identities = torch.randn(method.pool // method.views, config.z_dim, generator=random)
    z = identities.repeat_interleave(method.views, dim=0)
    angles = 2 * torch.rand(2, method.pool, generator=random) - 1
    return z, cameras_around_front(config, method.yaw * angles[0], method.pitch * angles[1])


@dataclass(frozen=True)
class SourceEncoder:
    """Renders pairs and encodes their images.

    Args:
        generator: the source.
        encoders: frozen, on the generator's device.
        layers: of every encoder, whose tokens are kept.
        embedding: whether the joint embedding is kept too; with neither, no encoder runs.
        every_ray: whether to keep samples where the source shows nothing, for a target that may show something there.
    """

    generator: Generator
    encoders: Sequence[ImageEncoder] = ()
    layers: tuple[str | int, ...] = ()
    embedding: bool = False
    every_ray: bool = False

    def stream(self, latents: Tensor, cameras: Tensor, truncation_psi: float = 1.0) -> Iterator[SourceCache]:
        """Render and encode latents z [n, z] from labels [n, 25], on a CPU several groups at once.

        Returns:
            Caches of up to `GROUP` pairs, in order, to be joined by `join_caches`.
        """
        device = self.generator.device

        def encode(pairs: tuple[Tensor, Tensor]) -> SourceCache:
            z, labels = (x.to(device) for x in pairs)
            return self.encode(z, self.generator.sample_ws(z, truncation_psi), labels)

        groups = list(zip(latents.split(GROUP), cameras.split(GROUP), strict=True))
        return stream(encode, groups, device)

    @torch.no_grad()
    def encode(self, latents: Tensor, ws: Tensor, cameras: Tensor) -> SourceCache:
        """Render latents z [n, z] with codes ws [n, num_ws, w] from labels [n, 25], and encode their images."""
        samples = self.generator.sample(self._planes(ws), cameras, every_ray=self.every_ray).half()
        rendered = self.generator.march(samples)
        images = self.generator.superresolve(rendered.features, ws)
        return SourceCache(
            latents=latents,
            ws=ws,
            samples=samples,
            cameras=cameras,
            features=rendered.features,
            opacity=rendered.opacity,
            depth=rendered.depth,
            images=images,
            encoded=encode_images(self.encoders, images, self.layers, self.embedding),
        )

    def _planes(self, ws: Tensor) -> Planes:
        """The planes of ws [n, num_ws, w]; those of one identity's views are computed once."""
        alike = all(torch.equal(one, ws[0]) for one in ws[1:])
        return self.generator.planes(ws[:1]).repeat(len(ws)) if alike else self.generator.planes(ws)

    def encoded(self, sources: SourceCache) -> SourceCache:
        """Rendered sources with their images encoded, on a CPU several groups at once."""
        if not self.layers and not self.embedding:
            return dataclasses.replace(sources, encoded=tuple(Encoded(None, {}) for _ in self.encoders))
        groups = sources.images.split(GROUP)
        work = partial(encode_images, self.encoders, layers=self.layers, embedding=self.embedding)
        found = list(stream(work, groups, self.generator.device))
        return dataclasses.replace(sources, encoded=tuple(map(join_encoded, zip(*found, strict=True))))


def encode_images(
    encoders: Sequence[ImageEncoder], images: Tensor, layers: tuple[str | int, ...], embedding: bool
) -> tuple[Encoded, ...]:
    """Images [N, 3, H, W] by each encoder; empty if neither layers nor the embedding are needed."""
    return tuple(one.encode(images, layers, embedding) for one in encoders) if layers or embedding else ()


def join_caches(caches: Sequence[SourceCache]) -> SourceCache:
    """One cache of all pairs of several."""
    names = ("latents", "ws", "cameras", "features", "opacity", "depth", "images")
    return SourceCache(
        samples=join_samples([one.samples for one in caches]),
        encoded=tuple(join_encoded(parts) for parts in zip(*(one.encoded for one in caches), strict=True)),
        **{name: torch.cat([getattr(one, name) for one in caches]) for name in names},
    )
