"""The identities of an evaluation, the cameras that show them, and where their true pictures come from."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front

TURNS = (-20, -10, 10, 20)
"""Degrees by which the camera turns from the front for multi-view consistency."""


class GroundTruth(Protocol):
    """Source of true pictures; `adapter.synthetic.ground_truth` renders them for the embedded base."""

    styles: tuple[str, ...]
    people: bool
    """Whether its pictures are the base's own renders, of people whose faces can be read, in the style."""

    def latents(self, count: int, seed: int) -> Tensor:
        """Latents [count, z]."""

    def reference(self, style: str, size: int) -> Tensor:
        """A style's reference picture [1, 3, size, size] in [-1, 1], of an identity outside the evaluation."""

    def images(self, style: str, latents: Tensor, cameras: Tensor, colors: Tensor | None = None) -> Tensor:
        """Pictures [N, 3, S, S] in a style, in [-1, 1]; ``colors`` [N, 3, S, S] replace the renderer's own."""

    def shape(self, latents: Tensor, cameras: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """True depth (distance) and opacity in [0, 1], [N, 1, side, side] each."""

    def labels(self, latents: Tensor, attribute: str) -> list[str]:
        """True class of an attribute that the classifier predicts, one per latent."""

    def prompt(self, style: str) -> str:
        """A style in words."""


@dataclass(frozen=True)
class EvalConfig:
    """Size of an evaluation.

    Args:
        pairs: number of identities; each has one camera of its own.
        front: that many of them are also rendered from the front; the source renders all of them from there.
        turned: that many of those are also rendered at `TURNS`.
        seed: of identities and cameras.
        yaw, pitch: largest angles between a camera and the front, in radians, as in training.
        psi: truncation.
    """

    pairs: int = 64
    front: int = 32
    turned: int = 8
    seed: int = 20_261
    yaw: float = 0.4
    pitch: float = 0.15
    psi: float = 1.0


@dataclass(frozen=True)
class EvalSet:
    """Identities and their cameras.

    Attributes:
        latents, ws: [N, z] and [N, num_ws, w].
        cameras: each identity's own [N, 25].
        front: frontal cameras [N, 25].
        turned: cameras of the first T identities [T, 25], for each of `TURNS`.
        front_count: number of identities that are rendered from the front.
    """

    latents: Tensor
    ws: Tensor
    cameras: Tensor
    front: Tensor
    turned: tuple[Tensor, ...]
    front_count: int

    def __len__(self) -> int:
        return len(self.latents)

    @classmethod
    @torch.no_grad()
    def draw(cls, generator: Generator, truth: GroundTruth, config: EvalConfig) -> "EvalSet":
        """Draw identities and cameras of a base."""
        device = next(generator.parameters()).device
        random = torch.Generator().manual_seed(config.seed)
        angles = 2 * torch.rand(2, config.pairs, generator=random) - 1
        cameras = cameras_around_front(generator.config, config.yaw * angles[0], config.pitch * angles[1])
        latents = truth.latents(config.pairs, config.seed)
        ws = generator.sample_ws(latents, config.psi)
        front_count = min(config.front, config.pairs)
        views = [
            cameras_around_front(generator.config, torch.full((count,), math.radians(degrees)), torch.zeros(count))
            for degrees, count in ((0, config.pairs), *((turn, min(config.turned, front_count)) for turn in TURNS))
        ]
        front, *turned = (view.to(device) for view in views)
        return cls(latents, ws, cameras.to(device), front, tuple(turned), front_count)
