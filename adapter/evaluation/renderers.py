"""Renders of the evaluation's identities by the base, by a method, and by the ground truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adapter.eg3d import Generator, Output, Parts
from adapter.eg3d.pair import PairRenderer
from adapter.evaluation.eval_set import EvalSet, GroundTruth

GROUP = 8
"""Identities rendered at a time; their planes are computed once for all of their cameras."""


@dataclass(frozen=True)
class Render:
    """Pictures of N identities from one camera each.

    Attributes:
        image: [N, 3, H, W] in [-1, 1].
        depth, opacity: [N, 1, R, R] of the shape in the picture.
        own_shape: False if the shape is borrowed, as by a method that paints single frames.
    """

    image: Tensor
    depth: Tensor
    opacity: Tensor
    own_shape: bool = True

    @classmethod
    def of(cls, output: Output) -> "Render":
        """From a generator's output."""
        return cls(output.image.clamp(-1, 1), output.depth, output.opacity)


@dataclass(frozen=True)
class RenderSet:
    """All renders of an `EvalSet`: by the identities' own cameras, from the front, and at each of `TURNS`."""

    pairs: Render
    front: Render
    turned: tuple[Render, ...]


Renderer = Callable[[Tensor, Tensor, Sequence[Tensor]], list[Render]]
"""From latents [n, z], ws [n, num_ws, w] and several cameras [n, 25] to one render for each of the cameras."""


def source_renderer(generator: Generator) -> Renderer:
    """Renders by the untouched base."""
    return _generated(generator, generator.parts(), 0)


def domain_renderer(generator: Generator, parts: Parts) -> Renderer:
    """Renders by an adapted base."""
    return _generated(generator, parts, 1)


def frame_renderer(source: Renderer, stylize: Callable[[Tensor], Tensor]) -> Renderer:
    """Stylizes the source's pictures one by one; the shape stays the source's."""

    def render(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Render]:
        renders = source(latents, ws, cameras)
        images = stylize(torch.cat([one.image for one in renders])).split(len(latents))
        return [_repainted(one, image.clamp(-1, 1)) for one, image in zip(renders, images, strict=True)]

    return render


def oracle_renderer(source: Renderer, truth: GroundTruth, style: str) -> Renderer:
    """Applies the true style to the base's own colors: the best result that keeps the base's blur."""

    def render(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Render]:
        renders = zip(source(latents, ws, cameras), cameras, strict=True)
        return [_repainted(one, truth.images(style, latents, labels, one.image)) for one, labels in renders]

    return render


def truth_renderer(truth: GroundTruth, style: str, side: int) -> Renderer:
    """The true pictures, with the true shape at ``side`` x ``side`` places; independent of the base."""

    def render(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Render]:
        renders = []
        for labels in cameras:
            image, (depth, opacity) = truth.images(style, latents, labels), truth.shape(latents, labels, side)
            renders.append(Render(image.to(ws.device), depth.to(ws.device), opacity.to(ws.device), own_shape=False))
        return renders

    return render


def render_all(renderer: Renderer, eval_set: EvalSet, all_fronts: bool = False) -> RenderSet:
    """Render an evaluation's identities by all of their cameras.

    Args:
        all_fronts: render every identity from the front, instead of the first ``eval_set.front_count``.
    """
    fronts = len(eval_set) if all_fronts else eval_set.front_count
    views = (eval_set.cameras, eval_set.front[:fronts], *eval_set.turned)
    collected: list[list[Render]] = [[] for _ in views]
    for start in range(0, len(eval_set), GROUP):
        cameras = [view[start : start + GROUP] for view in views]
        for count in sorted({len(view) for view in cameras} - {0}):
            group = slice(start, start + count)
            places = [place for place, view in enumerate(cameras) if len(view) == count]
            renders = renderer(eval_set.latents[group], eval_set.ws[group], [cameras[place] for place in places])
            for place, render in zip(places, renders, strict=True):
                collected[place].append(render)
    pairs, front, *turned = (_join(renders) for renders in collected)
    return RenderSet(pairs, front, tuple(turned))


def _generated(generator: Generator, parts: Parts, which: int) -> Renderer:
    def render(latents: Tensor, ws: Tensor, cameras: Sequence[Tensor]) -> list[Render]:
        pair = PairRenderer(generator, parts, latents, ws)
        return [Render.of(pair.render(labels)[which]) for labels in cameras]

    return render


def _repainted(render: Render, image: Tensor) -> Render:
    return Render(image.to(render.image.device), render.depth, render.opacity, own_shape=False)


def _join(renders: Sequence[Render]) -> Render:
    image, depth, opacity = (torch.cat([getattr(r, name) for r in renders]) for name in ("image", "depth", "opacity"))
    return Render(image, depth, opacity, all(render.own_shape for render in renders))
