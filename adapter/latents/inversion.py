"""From an image to the person behind it: optimization of an extended latent until its render looks like the image.

In the manner of Image2StyleGAN (Abdal et al. 2019) and of the StyleGAN2 projector (Karras et al. 2020): perceptual and
pixel distance, latents in units of their spread around the mean. The camera search is ours.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.latents.wplus_encoder import Inverter

SEARCH_YAWS, SEARCH_PITCHES = (-0.5, -0.25, 0.0, 0.25, 0.5), (-0.15, 0.0, 0.15)
REFINEMENTS = (0.08, 0.04, 0.02)
"""Angles in radians that the camera is moved by while it is refined."""
SPREAD_LATENTS = 512


@dataclass(frozen=True)
class InversionSettings:
    """Of one inversion.

    Attributes:
        steps: optimizer steps.
        learning_rate: Adam's, in standard deviations of w.
        extended: let every row differ (W+); otherwise all rows are one w.
        pixel, perceptual: weights of the two distances.
        prior: weight of the squared distance to the mean latent, in standard deviations; keeps people editable.
        rows: weight of the squared differences between rows.
        refine_every: steps between refinements of the camera, 0 for none.
        preview_every: steps between previews.
    """

    steps: int = 80
    learning_rate: float = 0.06
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
class InversionEvent:
    """What an inversion has reached.

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
    settings: InversionSettings | None = None,
    inverter: Inverter | None = None,
    angles: tuple[float, float] | None = None,
) -> Iterator[InversionEvent]:
    """Find the extended latent of an image; closing the iterator stops it.

    Args:
        generator: the base.
        image: [1, 3, S, S] in [-1, 1], framed as the base frames heads (`adapter.media.crop.frame_face`).
        encoder: CLIP image tower whose tokens are compared.
        settings: the defaults where None.
        inverter: predicts the start; the mean latent where None.
        angles: yaw and pitch of the camera in radians; estimated where None.

    Yields:
        The start, every step, and the end; the last one holds the result.

    Raises:
        UserError: an image of another shape, or a loss that is not a number.
    """
    settings = settings or InversionSettings()
    target = _Target(generator, image, encoder, settings)
    latent = _Latent(generator, settings)
    aim = latent.start(target, inverter, angles)
    refine_every = settings.refine_every if angles is None else 0
    if refine_every:
        aim = target.refine(latent.best, aim)
    started = time.perf_counter()
    for step in range(settings.steps + 1):
        if refine_every and step and step % refine_every == 0:
            aim = target.refine(latent.best, aim)
            latent.best_loss = float("inf")  # losses from another camera do not compare
        losses = target.losses(latent.ws, aim) | latent.priors()
        report = latent.keep_best(losses)
        done = step == settings.steps
        if not done:
            latent.update(losses, step)
        left = (time.perf_counter() - started) / (step + 1) * (settings.steps - step)
        preview = target.preview(latent.best, aim) if done or step % settings.preview_every == 0 else None
        yield InversionEvent(step, settings.steps, report, left if step else None, latent.best, *aim, preview)


class _Latent:
    """The extended latent under optimization: one w for all rows, and each row's difference to it."""

    def __init__(self, generator: Generator, settings: InversionSettings) -> None:
        self.settings, self.num_ws = settings, generator.config.num_ws
        self.center, self.spread = latent_statistics(generator)
        self.best, self.best_loss = self.center.expand(1, self.num_ws, -1).clone(), float("inf")

    @torch.no_grad()
    def start(
        self, target: "_Target", inverter: Inverter | None, angles: tuple[float, float] | None
    ) -> tuple[float, float]:
        """Set the first latent, and return the camera's first yaw and pitch."""
        predicted = None
        if inverter is not None:
            ws, found = inverter.predict(target.image)
            self.best, predicted = ws.clone(), (float(found[0, 0]), float(found[0, 1]))
        offset = (self.best - self.center) / self.spread
        self.shared = offset.mean(1, keepdim=True).requires_grad_(True)
        self.rows = offset - self.shared if self.settings.extended else torch.zeros_like(offset)
        self.rows.requires_grad_(self.settings.extended)
        trained = [self.shared, self.rows] if self.settings.extended else [self.shared]
        self.optimizer = torch.optim.Adam(trained, betas=(0.9, 0.99))
        return angles or predicted or target.search(self.best)

    @property
    def ws(self) -> Tensor:
        """The extended latent [1, num_ws, w]."""
        return self.center + self.spread * (self.shared + self.rows)

    def priors(self) -> dict[str, Tensor]:
        """How far the latent is from the mean, and its rows from each other."""
        offset = self.shared + self.rows
        between = offset - offset.mean(1, keepdim=True)
        return {
            "prior": self.settings.prior * offset.square().mean(),
            "rows": self.settings.rows * between.square().mean(),
        }

    def keep_best(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Keep the latent if its losses are the lowest so far; returns them and their "total"."""
        report = {name: float(value.detach()) for name, value in losses.items()}
        total = float(torch.stack(list(losses.values())).sum().detach())
        if not math.isfinite(total):
            raise UserError("The inversion's loss stopped being a number. Try another crop of the picture.")
        if total < self.best_loss:
            self.best_loss, self.best = total, self.ws.detach()
        return report | {"total": total}

    def update(self, losses: dict[str, Tensor], step: int) -> None:
        """One step of Adam."""
        share = _learning_rate_share(step / self.settings.steps)
        self.optimizer.param_groups[0]["lr"] = self.settings.learning_rate * share
        self.optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        self.optimizer.step()


@torch.no_grad()
def latent_statistics(generator: Generator) -> tuple[Tensor, Tensor]:
    """The mean latent [w] and the standard deviation [w] of each of its channels over random people."""
    random = torch.Generator().manual_seed(0)
    where = generator.backbone.mapping.w_avg
    z = torch.randn(SPREAD_LATENTS, generator.config.z_dim, generator=random).to(where)
    w = generator.sample_ws(z)[:, 0]
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
    """The image, its tokens, and the distance of renders to it."""

    def __init__(self, generator: Generator, image: Tensor, encoder: ImageEncoder, settings: InversionSettings) -> None:
        if image.dim() != 4 or image.shape[:2] != (1, 3) or image.shape[2] != image.shape[3]:
            raise UserError("One square colour picture is needed. Crop the picture to the head first.")
        side = (generator.config.image_resolution,) * 2
        image = F.interpolate(image.to(generator.device).float(), side, mode="bicubic", antialias=True).clamp(-1, 1)
        self.generator, self.image, self.encoder, self.settings = generator, image, encoder, settings
        self.layers = perceptual_layers(encoder)
        with torch.no_grad():
            self.tokens = _tokens(encoder, image, self.layers)

    def render(self, ws: Tensor, aim: tuple[float, float]) -> Tensor:
        yaw, pitch = (torch.tensor([angle]) for angle in aim)
        camera = cameras_around_front(self.generator.config, yaw, pitch).to(self.image.device)
        return self.generator.synthesis(ws, camera).image

    def losses(self, ws: Tensor, aim: tuple[float, float]) -> dict[str, Tensor]:
        image = self.render(ws, aim)
        perceptual = _distance(_tokens(self.encoder, image, self.layers), self.tokens).mean()
        return {
            "pixel": self.settings.pixel * (image - self.image).abs().mean(),
            "perceptual": self.settings.perceptual * perceptual,
        }

    @torch.no_grad()
    def distance(self, ws: Tensor, aim: tuple[float, float]) -> float:
        return float(torch.stack(list(self.losses(ws, aim).values())).sum())

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


def _tokens(encoder: ImageEncoder, images: Tensor, layers: Sequence[str | int]) -> list[Tensor]:
    return [F.normalize(one, dim=-1) for one in encoder.encode(images, layers, embedding=False).tokens.values()]


def _distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    return torch.stack([(x - y).square().sum(-1).mean(-1) for x, y in zip(a, b, strict=True)]).mean(0)


def _learning_rate_share(share: float) -> float:
    """Rises over the first twentieth, stays, and falls over the last quarter (Karras et al. 2020)."""
    return min(1.0, (share + 0.01) * 20) * min(1.0, (1 - share) * 4)
