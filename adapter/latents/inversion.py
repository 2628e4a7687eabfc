"""From an image to the person behind it: optimisation of an extended latent until its render looks like the image.

In the manner of Image2StyleGAN (Abdal et al. 2019) and of the StyleGAN2 projector (Karras et al. 2020): perceptual and
pixel distance, latents in units of their spread around the mean. The camera search is ours.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.adaptation.source_cache import cameras_around_front, frontal_label
from adapter.eg3d import Generator
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.latents.wplus_encoder import Inverter

SEARCH_YAWS, SEARCH_PITCHES = (-0.5, -0.25, 0.0, 0.25, 0.5), (-0.15, 0.0, 0.15)
REFINEMENTS = (0.08, 0.04, 0.02)
"""Angles in radians that the camera is moved by while it is refined."""
SPREAD_LATENTS = 512


@dataclass(frozen=True)
class Settings:
    """Of one inversion.

    Attributes:
        steps: optimiser steps.
        rate: Adam's learning rate, in standard deviations of w.
        extended: let every row differ (W+); otherwise all rows are one w.
        pixel, perceptual: weights of the two distances.
        prior: weight of the squared distance to the mean latent, in standard deviations; keeps people editable.
        rows: weight of the squared differences between rows.
        refine_every: steps between refinements of the camera, 0 for none.
        preview_every: steps between previews.
    """

    steps: int = 80
    rate: float = 0.06
    extended: bool = True
    pixel: float = 1.0
    perceptual: float = 1.0
    prior: float = 0.004
    rows: float = 0.02
    refine_every: int = 25
    preview_every: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 5000:
            raise UserError("An inversion takes 1 to 5000 steps.")


@dataclass(frozen=True)
class Inversion:
    """How far an inversion is.

    Attributes:
        step, total: steps done and to do; step 0 is the start.
        losses: weighted, by name, and their sum under "total".
        seconds_left: estimated; None at the start.
        ws: the best extended latent so far [1, num_ws, w]; adapted parts render it like any other.
        yaw, pitch: of the image's camera, in radians from the front.
        preview: uint8 [2, H, W, 3]: the image, and the render of `ws`; None between previews.
    """

    step: int
    total: int
    losses: dict[str, float]
    seconds_left: float | None
    ws: Tensor
    yaw: float
    pitch: float
    preview: np.ndarray | None = None


def invert(
    generator: Generator,
    image: Tensor,
    encoder: ImageEncoder,
    settings: Settings | None = None,
    inverter: Inverter | None = None,
    angles: tuple[float, float] | None = None,
) -> Iterator[Inversion]:
    """Find the extended latent of an image; closing the iterator stops it.

    Args:
        generator: the base.
        image: [1, 3, S, S] in [-1, 1], framed as the base frames heads (`adapter.media.faces.find_head`).
        encoder: CLIP image tower whose tokens are compared.
        settings: the defaults where None.
        inverter: gives the start; the mean latent where None, or where it encodes into another space.
        angles: yaw and pitch of the camera in radians; estimated where None.

    Yields:
        The start, every step, and the end; the last one holds the result.

    Raises:
        UserError: an image of another shape, or a loss that is not a number.
    """
    settings = settings or Settings()
    if image.dim() != 4 or image.shape[:2] != (1, 3) or image.shape[2] != image.shape[3]:
        raise UserError("One square colour picture is needed. Crop the picture to the head first.")
    device = next(generator.parameters()).device
    side = generator.config.image_resolution
    image = F.interpolate(image.to(device).float(), (side, side), mode="bicubic", antialias=True).clamp(-1, 1)
    target = _Target(generator, image, encoder, settings)
    centre, spread = latent_statistics(generator)
    ws, seen_angles = _start(inverter, image, centre, generator.config.num_ws)
    aim = angles or seen_angles or target.search(ws)
    refine = settings.refine_every if angles is None else 0
    if refine:
        aim = target.refine(ws, aim)

    offset = (ws - centre) / spread
    shared = offset.mean(1, keepdim=True).requires_grad_(True)
    rows = (offset - shared.detach()).requires_grad_(settings.extended)
    if not settings.extended:
        rows = torch.zeros_like(offset)
    optimiser = torch.optim.Adam([shared, rows] if settings.extended else [shared], betas=(0.9, 0.99))
    best_loss, best, started = float("inf"), ws, time.perf_counter()
    for step in range(settings.steps + 1):
        if refine and step and step % refine == 0:
            aim = target.refine(best, aim)
            best_loss = float("inf")  # losses from another camera do not compare
        offset = shared + rows
        ws = centre + spread * offset
        losses = target.losses(ws, aim)
        losses["prior"] = settings.prior * offset.square().mean()
        losses["rows"] = settings.rows * (offset - offset.mean(1, keepdim=True)).square().mean()
        total = sum(losses.values())
        if not torch.isfinite(total):
            raise UserError("The inversion's loss stopped being a number. Try another crop of the picture.")
        if total.item() < best_loss:
            best_loss, best = total.item(), ws.detach()
        done = step == settings.steps
        if not done:
            optimiser.param_groups[0]["lr"] = settings.rate * _schedule(step / settings.steps)
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
        left = (time.perf_counter() - started) / (step + 1) * (settings.steps - step)
        yield Inversion(
            step,
            settings.steps,
            {name: float(value.detach()) for name, value in losses.items()} | {"total": total.item()},
            None if step == 0 else left,
            best,
            *aim,
            target.preview(best, aim) if done or step % settings.preview_every == 0 else None,
        )


@torch.no_grad()
def latent_statistics(generator: Generator) -> tuple[Tensor, Tensor]:
    """The mean latent [w] and the standard deviation [w] of each of its channels over random people."""
    random = torch.Generator().manual_seed(0)
    where = generator.backbone.mapping.w_avg
    z = torch.randn(SPREAD_LATENTS, generator.config.z_dim, generator=random).to(where)
    label = frontal_label(generator.config, len(z))
    w = generator.mapping(z, None if label is None else label.to(where))[:, 0]
    return where, w.std(0) + 1e-4


def perceptual_layers(encoder: ImageEncoder) -> tuple[str | int, ...]:
    """Layers that tell pictures apart: the first two thirds of a CNN's, or every third block of a transformer."""
    layers = encoder.layers
    return layers[: len(layers) * 2 // 3] if isinstance(layers[0], str) else layers[2::3] or layers[-1:]


def perceptual_distance(
    encoder: ImageEncoder, a: Tensor, b: Tensor, layers: Sequence[str | int] | None = None
) -> Tensor:
    """Squared distance of unit tokens, averaged over places and layers, per image [N]; 0 to 4.

    LPIPS (Zhang et al. 2018) without its learned weights, on a CLIP tower.

    Args:
        encoder: the tower.
        a, b: images [N, 3, S, S] in [-1, 1].
        layers: which; `perceptual_layers` where None.
    """
    layers = perceptual_layers(encoder) if layers is None else layers
    return _distance(_tokens(encoder, a, layers), _tokens(encoder, b, layers))


class _Target:
    """The image, what the tower says about it, and how far renders are from it."""

    def __init__(self, generator: Generator, image: Tensor, encoder: ImageEncoder, settings: Settings) -> None:
        self.generator, self.image, self.encoder, self.settings = generator, image, encoder, settings
        self.layers = perceptual_layers(encoder)
        with torch.no_grad():
            self.tokens = _tokens(encoder, image, self.layers)

    def render(self, ws: Tensor, aim: tuple[float, float]) -> Tensor:
        yaw, pitch = (torch.tensor([angle]) for angle in aim)
        camera = cameras_around_front(self.generator.config, yaw, pitch).to(self.image.device)
        return self.generator.synthesis(ws, camera).image

    def losses(self, ws: Tensor, aim: tuple[float, float]) -> dict[str, Tensor]:
        made = self.render(ws, aim)
        seen = _distance(_tokens(self.encoder, made, self.layers), self.tokens).mean()
        return {
            "pixel": self.settings.pixel * (made - self.image).abs().mean(),
            "perceptual": self.settings.perceptual * seen,
        }

    @torch.no_grad()
    def distance(self, ws: Tensor, aim: tuple[float, float]) -> float:
        return float(sum(self.losses(ws, aim).values()))

    def search(self, ws: Tensor) -> tuple[float, float]:
        """The best of a coarse grid of cameras."""
        grid = [(yaw, pitch) for yaw in SEARCH_YAWS for pitch in SEARCH_PITCHES]
        return min(grid, key=lambda aim: self.distance(ws, aim))

    def refine(self, ws: Tensor, aim: tuple[float, float]) -> tuple[float, float]:
        """Move the camera in smaller and smaller steps while the render comes closer (compass search)."""
        best = self.distance(ws, aim)
        for size in REFINEMENTS:
            for yaw, pitch in ((size, 0), (-size, 0), (0, size), (0, -size)):
                near = (aim[0] + yaw, aim[1] + pitch)
                distance = self.distance(ws, near)
                if distance < best:
                    best, aim = distance, near
        return aim

    @torch.no_grad()
    def preview(self, ws: Tensor, aim: tuple[float, float]) -> np.ndarray:
        both = torch.cat([self.image, self.render(ws, aim)]).permute(0, 2, 3, 1)
        return (both * 127.5 + 128).clamp(0, 255).to("cpu", torch.uint8).numpy()


@torch.no_grad()
def _start(
    inverter: Inverter | None, image: Tensor, centre: Tensor, num_ws: int
) -> tuple[Tensor, tuple[float, float] | None]:
    if inverter is None or not inverter.renders:
        return centre.expand(1, num_ws, -1).clone(), None
    ws, angles = inverter.look(image)
    return ws.clone(), tuple(angles[0].tolist())


def _tokens(encoder: ImageEncoder, images: Tensor, layers: Sequence[str | int]) -> list[Tensor]:
    return [F.normalize(one, dim=-1) for one in encoder.encode(images, layers, embedding=False).tokens.values()]


def _distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    return torch.stack([(x - y).square().sum(-1).mean(-1) for x, y in zip(a, b, strict=True)]).mean(0)


def _schedule(share: float) -> float:
    """Rises over the first twentieth, stays, and falls over the last quarter (Karras et al. 2020)."""
    return min(1.0, (share + 0.01) * 20) * min(1.0, (1 - share) * 4)
