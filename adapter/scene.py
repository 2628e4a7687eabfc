"""The same people as source and as target: what previews, sheets and videos show."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from adapter.eg3d import Eg3dConfig, Generator, Parts
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.pair import PairRenderer
from adapter.media.images import resize, to_uint8
from adapter.utils.parallel import stream


@dataclass(frozen=True)
class Pairs:
    """Pictures of N people from one camera: ``sources`` and ``targets``, uint8 [N, H, W, 3] each."""

    sources: np.ndarray
    targets: np.ndarray

    def enlarged(self, size: int) -> "Pairs":
        """The same pictures scaled to [N, size, size, 3]."""
        return Pairs(*(np.stack([resize(one, size) for one in side]) for side in (self.sources, self.targets)))


@dataclass(frozen=True)
class Identities:
    """N people of a base: latents z [N, z], and the ws [N, num_ws, w] that they give with a truncation psi."""

    generator: Generator
    latents: Tensor
    ws: Tensor
    truncation: float = 1.0

    @classmethod
    def draw(cls, generator: Generator, count: int, seed: int, truncation: float) -> "Identities":
        """Draw people; more people with the same seed begin with the same ones."""
        random = torch.Generator().manual_seed(seed)
        return cls.of(
            generator,
            torch.stack([torch.randn(generator.config.z_dim, generator=random) for _ in range(count)]),
            truncation,
        )

    @classmethod
    @torch.no_grad()
    def of(cls, generator: Generator, latents: Tensor, truncation: float) -> "Identities":
        """The people of latents z [N, z]."""
        return cls(generator, latents, generator.sample_ws(latents, truncation), truncation)


class Scene(Protocol):
    """People that can be looked at from anywhere, as source and as target."""

    def pairs(self, yaw: float = 0.0, pitch: float = 0.0, zoom: float = 1.0) -> Pairs:
        """Everyone from one camera at angles in radians from the front; ``zoom`` multiplies the focal length."""

    def along(self, poses: Sequence[tuple[float, float]], zoom: float = 1.0) -> Iterator[Pairs]:
        """Everyone from each of several (yaw, pitch), in their order."""


SceneFactory = Callable[[Identities], Scene]
"""Puts people into a scene: what a domain, or a method without one, does to them."""


class DomainScene:
    """People in the base and in a domain; what does not depend on the camera is computed once.

    Args:
        people: who is seen.
        parts: of the target.
    """

    def __init__(self, people: Identities, parts: Parts) -> None:
        self.people = people
        self._pairing = PairRenderer(people.generator, parts, people.latents, people.ws, people.truncation)

    def pairs(self, yaw: float = 0.0, pitch: float = 0.0, zoom: float = 1.0) -> Pairs:
        """Everyone as source and as target from one camera."""
        ws = self.people.ws
        source, target = self._pairing.render(camera(self.people.generator.config, len(ws), yaw, pitch, zoom))
        return Pairs(to_uint8(source.image), to_uint8(target.image))

    def along(self, poses: Sequence[tuple[float, float]], zoom: float = 1.0) -> Iterator[Pairs]:
        """Everyone from each of several (yaw, pitch), in their order; on a CPU several at once."""
        return stream(lambda pose: self.pairs(*pose, zoom), poses, self.people.ws.device)


class FrameScene:
    """People whose every picture is changed by itself, without a domain.

    Args:
        people: who is seen.
        stylize: turns images [N, 3, H, W] in [-1, 1] into such images.
    """

    @torch.no_grad()
    def __init__(self, people: Identities, stylize: Callable[[Tensor], Tensor]) -> None:
        self.people, self._stylize = people, stylize
        self._planes = people.generator.planes(people.ws)

    def pairs(self, yaw: float = 0.0, pitch: float = 0.0, zoom: float = 1.0) -> Pairs:
        """Everyone as source and as target from one camera."""
        generator, ws = self.people.generator, self.people.ws
        cameras = camera(generator.config, len(ws), yaw, pitch, zoom).to(ws.device)
        with torch.no_grad():
            images = generator.superresolve(generator.render(self._planes, cameras).features, ws)
        return Pairs(to_uint8(images), to_uint8(self._stylize(images)))

    def along(self, poses: Sequence[tuple[float, float]], zoom: float = 1.0) -> Iterator[Pairs]:
        """Everyone from each of several (yaw, pitch), one after the other: each is a small training of its own."""
        return (self.pairs(*pose, zoom) for pose in poses)


def camera(config: Eg3dConfig, count: int, yaw: float, pitch: float, zoom: float = 1.0) -> Tensor:
    """The label of one camera, ``count`` times: [count, 25]."""
    return cameras_around_front(config, torch.full((count,), yaw), pitch, zoom)
