"""The people of the evaluation, the cameras that see them, and who paints them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from adapter.adaptation.source_cache import cameras_around_front, frontal_label
from adapter.eg3d import Generator, Output, Parts
from adapter.eg3d.pair import PairRenderer

TURNS = (-20, -10, 10, 20)
"""Degrees by which the camera turns from the front for multi-view consistency."""
GROUP = 8
"""People painted at a time; they share planes over all of their cameras."""


class Truth(Protocol):
    """Where true pictures come from; `adapter.training.classifier.truth` renders them for the embedded base."""

    styles: tuple[str, ...]

    def latents(self, count: int, seed: int) -> Tensor:
        """Latents [count, z]."""

    def reference(self, style: str, size: int) -> Tensor:
        """A style's reference picture [1, 3, size, size] in [-1, 1], of a person outside the evaluation."""

    def images(self, style: str, latents: Tensor, cameras: Tensor, colours: Tensor | None = None) -> Tensor:
        """Pictures [N, 3, S, S] in a style, in [-1, 1]; with ``colours`` [N, 3, S, S] in place of the render's own."""

    def shape(self, latents: Tensor, cameras: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """True depth (distance) and opacity in [0, 1], [N, 1, side, side] each."""

    def answers(self, latents: Tensor, question: str) -> list[str]:
        """True answers to a question of the judge, one per latent."""

    def prompt(self, style: str) -> str:
        """A wording of a style."""


@dataclass(frozen=True)
class Plan:
    """How large an evaluation is.

    Args:
        pairs: people, each seen by one camera.
        front: the first so many are also painted from the front, where only who they are tells them apart; the
            source shows everyone from there.
        turned: the first so many of those are also seen at `TURNS`.
        seed: of people and cameras.
        yaw, pitch: cameras lie within these angles of the front, in radians, as in training.
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
class Render:
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
    def of(cls, output: Output) -> "Render":
        """From what a generator gives."""
        return cls(output.image.clamp(-1, 1), output.depth, output.opacity)


@dataclass(frozen=True)
class RenderSet:
    """All pictures by one painter: everyone by their own camera, some from the front, some of those at `TURNS`."""

    pairs: Render
    front: Render
    turned: tuple[Render, ...]


@dataclass(frozen=True)
class EvalSet:
    """The people and their cameras.

    Attributes:
        latents, ws: [N, z] and [N, num_ws, w].
        cameras: everyone's own [N, 25].
        front: everyone's from the front [N, 25].
        turned: of the first T people [T, 25], for each of `TURNS`.
        painted: how many are painted from the front.
    """

    latents: Tensor
    ws: Tensor
    cameras: Tensor
    front: Tensor
    turned: tuple[Tensor, ...]
    painted: int

    def __len__(self) -> int:
        return len(self.latents)

    @classmethod
    @torch.no_grad()
    def draw(cls, generator: Generator, truth: Truth, plan: Plan) -> "EvalSet":
        """Draw people and cameras of a base."""
        device = next(generator.parameters()).device
        random = torch.Generator().manual_seed(plan.seed)
        angles = 2 * torch.rand(2, plan.pairs, generator=random) - 1
        cameras = cameras_around_front(generator.config, plan.yaw * angles[0], plan.pitch * angles[1])
        latents = truth.latents(plan.pairs, plan.seed)
        label = frontal_label(generator.config, plan.pairs)
        ws = generator.mapping(latents.to(device), None if label is None else label.to(device), plan.psi)
        front = min(plan.front, plan.pairs)
        views = [
            cameras_around_front(generator.config, torch.full((count,), math.radians(degrees)), torch.zeros(count))
            for degrees, count in ((0, plan.pairs), *((turn, min(plan.turned, front)) for turn in TURNS))
        ]
        start, *turned = (view.to(device) for view in views)
        return cls(latents, ws, cameras.to(device), start, tuple(turned), front)


Renderer = Callable[[Tensor, Tensor, Sequence[Tensor]], list[Render]]
"""From latents [n, z], ws [n, num_ws, w] and several labels [n, 25] to a shot for each of the labels."""


def source_renderer(generator: Generator) -> Renderer:
    """Paints people as the base shows them."""
    parts = generator.parts()
    return _generated(generator, parts, 0)


def domain_renderer(generator: Generator, parts: Parts) -> Renderer:
    """Paints people as an adapted base shows them."""
    return _generated(generator, parts, 1)


def frame_renderer(source: Renderer, stylize: Callable[[Tensor], Tensor]) -> Renderer:
    """Paints over the source's pictures, one by one; the shape stays the source's."""

    def paint(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Render]:
        shots = source(latents, ws, cameras)
        images = stylize(torch.cat([shot.image for shot in shots])).split(len(latents))
        pairs = zip(images, shots, strict=True)
        return [Render(image.clamp(-1, 1), shot.depth, shot.opacity, shaped=False) for image, shot in pairs]

    return paint


def oracle_renderer(source: Renderer, truth: Truth, style: str) -> Renderer:
    """Applies the true style to the colours that the base shows: the best that keeps the base's blur."""

    def paint(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Render]:
        return [
            Render(
                truth.images(style, latents, labels, shot.image).to(shot.image.device),
                shot.depth,
                shot.opacity,
                shaped=False,
            )
            for shot, labels in zip(source(latents, ws, cameras), cameras, strict=True)
        ]

    return paint


def truth_renderer(truth: Truth, style: str, side: int) -> Renderer:
    """Shows the true pictures, of the true shape at ``side`` x ``side`` places; nothing of the base is in them."""

    def paint(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Render]:
        shots = []
        for labels in cameras:
            seen = truth.images(style, latents, labels), *truth.shape(latents, labels, side)
            shots.append(Render(*(x.to(ws.device) for x in seen), shaped=False))
        return shots

    return paint


def render_all(painter: Renderer, cast: EvalSet, everyone: bool = False) -> Iterator[int | RenderSet]:
    """Have the cast painted.

    Args:
        everyone: from the front too, instead of as many as the plan says.

    Yields:
        The number of people painted so far; at last the shots.
    """
    everything = (cast.cameras, cast.front[: len(cast) if everyone else cast.painted], *cast.turned)
    collected: list[list[Render]] = [[] for _ in everything]
    for start in range(0, len(cast), GROUP):
        labels = [view[start : start + GROUP] for view in everything]
        for count in sorted({len(view) for view in labels} - {0}):
            people = slice(start, start + count)
            places = [place for place, view in enumerate(labels) if len(view) == count]
            shots = painter(cast.latents[people], cast.ws[people], [labels[place] for place in places])
            for place, shot in zip(places, shots, strict=True):
                collected[place].append(shot)
        yield min(start + GROUP, len(cast))
    pairs, front, *turned = (_join(shots) for shots in collected)
    yield RenderSet(pairs, front, tuple(turned))


def _generated(generator: Generator, parts: Parts, which: int) -> Renderer:
    def paint(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Render]:
        pairing = PairRenderer(generator, parts, latents, ws)
        return [Render.of(pairing.render(labels)[which]) for labels in cameras]

    return paint


def _join(shots: Sequence[Render]) -> Render:
    image, depth, opacity = (torch.cat([getattr(s, name) for s in shots]) for name in ("image", "depth", "opacity"))
    return Render(image, depth, opacity, all(shot.shaped for shot in shots))
