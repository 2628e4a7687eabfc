"""The same people as source and as target: what previews, sheets and videos show."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adapter.adaptation.pool import cameras_around_front, frontal_label
from adapter.eg3d import Generator, Parts, Planes
from adapter.media.images import resize, to_uint8

TRUNCATION_PSI = 0.7


@dataclass(frozen=True)
class Pairs:
    """Pictures of N people from one camera: ``sources`` and ``targets``, uint8 [N, H, W, 3] each."""

    sources: np.ndarray
    targets: np.ndarray

    def enlarged(self, size: int) -> "Pairs":
        """The same pictures scaled to [N, size, size, 3]."""
        return Pairs(*(np.stack([resize(one, size) for one in side]) for side in (self.sources, self.targets)))


@dataclass(frozen=True)
class People:
    """N people of a base, their planes computed once.

    Args:
        generator: the base.
        latents: z [N, z].
        ws: [N, num_ws, w].
        planes: shared by source and target, by all cameras and all domains.
    """

    generator: Generator
    latents: Tensor
    ws: Tensor
    planes: Planes

    @classmethod
    @torch.no_grad()
    def draw(cls, generator: Generator, count: int, seed: int) -> "People":
        """Draw people; more people with the same seed begin with the same ones."""
        random = torch.Generator().manual_seed(seed)
        latents = torch.stack([torch.randn(generator.config.z_dim, generator=random) for _ in range(count)])
        where = next(generator.parameters()).device
        label = frontal_label(generator.config, count)
        ws = generator.mapping(latents.to(where), None if label is None else label.to(where), TRUNCATION_PSI)
        return cls(generator, latents, ws, generator.planes(ws))

    @torch.no_grad()
    def pairs(self, parts: Parts, yaw: float = 0.0, pitch: float = 0.0) -> Pairs:
        """Everyone as source and as target, from one camera at angles in radians from the front."""
        count = len(self.ws)
        cameras = cameras_around_front(self.generator.config, torch.full((count,), yaw), torch.full((count,), pitch))
        source, target = self.generator.pair(self.planes, self.ws, cameras.to(self.ws.device), parts)
        return Pairs(to_uint8(source.image), to_uint8(target.image))


@dataclass(frozen=True)
class Sway:
    """A camera path that swings to one side and the other and comes back the way it went.

    Way out and way back share their poses, so a loop of ``frames`` costs only half as many renderings.

    Args:
        frames: of the loop, a multiple of 4.
        yaw, pitch: largest angles, in radians.
    """

    frames: int = 72
    yaw: float = 0.45
    pitch: float = 0.1

    @property
    def poses(self) -> list[tuple[float, float]]:
        """The distinct (yaw, pitch), from one side to the other; the middle one is frontal."""
        half = self.frames // 2
        phases = [math.pi * (k / half - 0.5) for k in range(half + 1)]
        return [(self.yaw * math.sin(phase), self.pitch * math.cos(2 * phase)) for phase in phases]

    @property
    def order(self) -> list[int]:
        """Which pose each frame shows; starts in the middle, and the frame after the last is the first."""
        half, middle = self.frames // 2, self.frames // 4
        return [*range(middle, half), *range(half, 0, -1), *range(middle)]
