"""The people of the evaluation, the cameras that see them, and who paints them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from adapter.adaptation.pairing import Pairing
from adapter.adaptation.pool import cameras_around_front, frontal_label
from adapter.eg3d import Generator, Output, Parts

TURNS = (-20, -10, 10, 20)
"""Degrees by which the camera turns from the front for multi-view consistency."""
GROUP = 8
"""People painted at a time; they share planes over all of their cameras."""


class Truth(Protocol):
    """Where true pictures come from; `adapter.pretraining.judge.truth` renders them for the embedded base."""

    styles: tuple[str, ...]

    def latents(self, count: int, seed: int) -> Tensor:
        """Latents [count, z]."""

    def reference(self, style: str, size: int) -> Tensor:
        """A style's reference picture [1, 3, size, size] in [-1, 1], of a person outside the evaluation."""

    def images(self, style: str, latents: Tensor, cameras: Tensor, colours: Tensor | None = None) -> Tensor:
        """Pictures [N, 3, S, S] in a style, in [-1, 1]; with ``colours`` [N, 3, S, S] in place of the render's own."""

    def answers(self, latents: Tensor, question: str) -> list[str]:
        """True answers to a question of the judge, one per latent."""

    def prompt(self, style: str) -> str:
        """A wording of a style."""


@dataclass(frozen=True)
class Plan:
    """How large an evaluation is.

    Args:
        pairs: people, each seen by one camera.
        turned: the first so many of them are also seen from the front and at `TURNS`.
        seed: of people and cameras.
        yaw, pitch: cameras lie within these angles of the front, in radians, as in training.
        psi: truncation.
    """

    pairs: int = 64
    turned: int = 8
    seed: int = 20_261
    yaw: float = 0.4
    pitch: float = 0.15
    psi: float = 1.0


@dataclass(frozen=True)
class Shot:
    """Pictures of N people from a camera each.

    Attributes:
        image: [N, 3, H, W], nominally in [-1, 1].
        depth, opacity: [N, 1, R, R] of the shape that the picture shows.
        shaped: whether that shape is the painter's own; a painter over pictures has none.
    """

    image: Tensor
    depth: Tensor
    opacity: Tensor
    shaped: bool = True

    @classmethod
    def of(cls, output: Output) -> "Shot":
        """From what a generator gives."""
        return cls(output.image.clamp(-1, 1), output.depth, output.opacity)


@dataclass(frozen=True)
class Shots:
    """All pictures by one painter: everyone by their own camera, and the turned ones at 0 degrees and at `TURNS`."""

    pairs: Shot
    front: Shot
    turned: tuple[Shot, ...]


@dataclass(frozen=True)
class Cast:
    """The people [N] and their cameras: latents [N, z], ws [N, num_ws, w], labels [N, 25]; T of them are turned."""

    latents: Tensor
    ws: Tensor
    cameras: Tensor
    front: Tensor
    turned: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.latents)

    @classmethod
    @torch.no_grad()
    def draw(cls, generator: Generator, truth: Truth, plan: Plan) -> "Cast":
        """Draw people and cameras of a base."""
        device = next(generator.parameters()).device
        random = torch.Generator().manual_seed(plan.seed)
        angles = 2 * torch.rand(2, plan.pairs, generator=random) - 1
        cameras = cameras_around_front(generator.config, plan.yaw * angles[0], plan.pitch * angles[1])
        latents = truth.latents(plan.pairs, plan.seed)
        label = frontal_label(generator.config, plan.pairs)
        ws = generator.mapping(latents.to(device), None if label is None else label.to(device), plan.psi)
        still = torch.zeros(min(plan.turned, plan.pairs))
        front, *turned = (
            cameras_around_front(generator.config, still + math.radians(degrees), still) for degrees in (0, *TURNS)
        )
        return cls(latents, ws, cameras.to(device), front.to(device), tuple(view.to(device) for view in turned))


Painter = Callable[[Tensor, Tensor, Sequence[Tensor]], list[Shot]]
"""From latents [n, z], ws [n, num_ws, w] and several labels [n, 25] to a shot for each of the labels."""


def source_painter(generator: Generator) -> Painter:
    """Paints people as the base shows them."""
    parts = generator.parts()
    return _generated(generator, parts, 0)


def domain_painter(generator: Generator, parts: Parts) -> Painter:
    """Paints people as an adapted base shows them."""
    return _generated(generator, parts, 1)


def frame_painter(source: Painter, stylize: Callable[[Tensor], Tensor]) -> Painter:
    """Paints over the source's pictures, one by one; the shape stays the source's."""

    def paint(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Shot]:
        shots = source(latents, ws, cameras)
        images = stylize(torch.cat([shot.image for shot in shots])).split(len(latents))
        pairs = zip(images, shots, strict=True)
        return [Shot(image.clamp(-1, 1), shot.depth, shot.opacity, shaped=False) for image, shot in pairs]

    return paint


def oracle_painter(source: Painter, truth: Truth, style: str) -> Painter:
    """Applies the true style to the colours that the base shows: the best that keeps the base's blur."""

    def paint(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Shot]:
        return [
            Shot(
                truth.images(style, latents, labels, shot.image).to(shot.image.device),
                shot.depth,
                shot.opacity,
                shaped=False,
            )
            for shot, labels in zip(source(latents, ws, cameras), cameras, strict=True)
        ]

    return paint


def shoot(painter: Painter, cast: Cast) -> Iterator[int | Shots]:
    """Have everyone painted.

    Yields:
        The number of people painted so far; at last the shots.
    """
    pairs: list[Shot] = []
    views: list[list[Shot]] = [[] for _ in (0, *TURNS)]
    for start in range(0, len(cast), GROUP):
        group = slice(start, start + GROUP)
        turned = [view[group] for view in (cast.front, *cast.turned) if len(view[group])]
        inside = len(turned[0]) if turned else 0
        ws = cast.ws[group]
        pairs += painter(cast.latents[group], ws, [cast.cameras[group]])
        if inside:
            shots = painter(cast.latents[start : start + inside], ws[:inside], turned)
            for collected, shot in zip(views, shots, strict=True):
                collected.append(shot)
        yield min(start + GROUP, len(cast))
    front, *turned_shots = (_join(shots) for shots in views)
    yield Shots(_join(pairs), front, tuple(turned_shots))


def _generated(generator: Generator, parts: Parts, which: int) -> Painter:
    def paint(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Shot]:
        pairing = Pairing(generator, parts, latents, ws)
        return [Shot.of(pairing.render(labels)[which]) for labels in cameras]

    return paint


def _join(shots: Sequence[Shot]) -> Shot:
    image, depth, opacity = (torch.cat([getattr(s, name) for s in shots]) for name in ("image", "depth", "opacity"))
    return Shot(image, depth, opacity, all(shot.shaped for shot in shots))
