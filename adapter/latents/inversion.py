"""From a portrait to the person behind it: optimization of an extended latent until its render looks like the portrait.

In the manner of Image2StyleGAN (Abdal et al. 2019) and of the StyleGAN2 projector (Karras et al. 2020): LPIPS and pixel
distance, first one w, then a w for every row, pulled towards the mean. Latents are measured along the principal axes of
w. The background, the camera's angles, its zoom and its shift are found along with the person (ours).
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
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.latents.latent_space import LatentSpace
from adapter.latents.target import Perceptual, Target, View, render_before
from adapter.latents.wplus_encoder import Inverter

SEARCH_YAWS, SEARCH_PITCHES = (-0.5, -0.25, 0.0, 0.25, 0.5), (-0.15, 0.0, 0.15)
BACKGROUND_CELLS = 8
"""Cells along a side of the background's colors: too few for a head to hide in."""
_BACKGROUND_RATE = 0.02
_ZOOM_PULL, _SHIFT_PULL = 2.0, 2.0


@dataclass(frozen=True)
class InversionSettings:
    """Of one inversion.

    Attributes:
        steps: optimizer steps.
        shared: share of the steps in which all rows are one w; afterwards every row may differ (W+) if ``extended``.
        learning_rate: Adam's, in standard deviations of w.
        extended: let every row differ (W+); otherwise all rows are one w.
        pixel, perceptual: weights of the two distances.
        prior: weight of the squared distance to the mean latent, in standard deviations; keeps people editable.
        rows: weight of the squared differences between rows.
        camera_rate: Adam's for the camera, in radians; 0 leaves it as it is.
        preview_every: steps between previews.
    """

    steps: int = 100
    shared: float = 0.5
    learning_rate: float = 0.08
    extended: bool = True
    pixel: float = 1.0
    perceptual: float = 1.0
    prior: float = 0.01
    rows: float = 0.02
    camera_rate: float = 0.004
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
        view: the portrait's camera.
        background: colors behind the person [3, h, w], about in [0, 1].
        preview: uint8 [2, H, W, 3]: the portrait, and the render of `ws`; None between previews.
    """

    step: int
    total: int
    losses: dict[str, float]
    seconds_left: float | None
    ws: Tensor
    view: View
    background: Tensor
    preview: np.ndarray | None = None

    @property
    def yaw(self) -> float:
        """Of the portrait's camera, in radians from the front."""
        return float(self.view.angles[0])

    @property
    def pitch(self) -> float:
        """Of the portrait's camera, in radians from the front."""
        return float(self.view.angles[1])


def invert(
    generator: Generator,
    image: Tensor,
    perceptual: Perceptual,
    settings: InversionSettings | None = None,
    inverter: Inverter | None = None,
    angles: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    space: LatentSpace | None = None,
) -> Iterator[InversionEvent]:
    """Find the extended latent of an image; closing the iterator stops it.

    Args:
        generator: the base.
        image: [1, 3, S, S] in [-1, 1], framed as the base frames heads (`adapter.media.portrait`).
        perceptual: the distance beside that of pixels.
        settings: the defaults where None.
        inverter: predicts the start; the mean latent where None.
        angles: yaw and pitch of the camera in radians to begin with; searched for where None.
        weight: how much each pixel counts [1, 1, S, S], 0 to 1; all alike where None.
        space: of the base's people; measured where None.

    Yields:
        The start, every step, and the end; the last one holds the result.

    Raises:
        UserError: an image of another shape, or a loss that is not a number.
    """
    settings = settings or InversionSettings()
    target = Target(generator, image, perceptual, weight)
    guess = _Guess(target, settings, space or LatentSpace.of(generator))
    guess.begin(inverter, angles)
    started = time.perf_counter()
    for step in range(settings.steps + 1):
        losses = guess.losses()
        report = guess.keep_best(losses)
        done = step == settings.steps
        if not done:
            guess.update(losses, step)
        left = (time.perf_counter() - started) / (step + 1) * (settings.steps - step)
        preview = target.preview(guess.best.image) if done or step % settings.preview_every == 0 else None
        best = guess.best
        yield InversionEvent(
            step, settings.steps, report, left if step else None, best.ws, best.view, best.background, preview
        )


@dataclass(frozen=True)
class _Best:
    """The lowest losses so far, and what had them."""

    total: float
    ws: Tensor
    view: View
    background: Tensor
    image: Tensor


class _Guess:
    """All that is optimized: a w for all rows and each row's difference to it, background and camera."""

    best: _Best

    def __init__(self, target: Target, settings: InversionSettings, space: LatentSpace) -> None:
        self.target, self.settings, self.generator = target, settings, target.generator
        device = target.image.device
        self.space = LatentSpace(space.mean.to(device), space.axes.to(device))

    @torch.no_grad()
    def begin(self, inverter: Inverter | None, angles: tuple[float, float] | None) -> None:
        """Set the first latent and the first camera."""
        config, device = self.generator.config, self.target.image.device
        ws = self.space.mean.expand(1, config.num_ws, -1)
        if inverter is not None:
            ws, found = inverter.predict(self.target.image)
            angles = angles or (float(found[0, 0]), float(found[0, 1]))
        offset = self.space.to_coordinates(ws)
        self.shared = offset.mean(1, keepdim=True).requires_grad_(True)
        self.rows = (offset - self.shared if self.settings.extended else torch.zeros_like(offset)).requires_grad_(True)
        self.background = self.target.colors_behind(BACKGROUND_CELLS).requires_grad_(True)
        self.view = View.at(*(angles or self._search()), device=device)
        moving = [self.view.angles, self.view.zoom, self.view.shift] if self.settings.camera_rate else []
        for value in moving:
            value.requires_grad_(True)
        groups = [{"params": [self.shared], "share": self.settings.learning_rate}]
        groups += [{"params": [self.rows], "share": self.settings.learning_rate}] if self.settings.extended else []
        groups += [{"params": [self.background], "share": _BACKGROUND_RATE}]
        groups += [{"params": moving, "share": self.settings.camera_rate}] if moving else []
        self.optimizer = torch.optim.Adam(groups, lr=0.0, betas=(0.9, 0.99))

    @property
    def ws(self) -> Tensor:
        """The extended latent [1, num_ws, w]."""
        return self.space.to_w(self.shared + self.rows)

    def render(self, ws: Tensor, view: View) -> Tensor:
        """The person before the background [1, 3, S, S]."""
        rendered = render_before(self.generator, self.generator.planes(ws), view.label(self.generator), self.background)
        return self.generator.superresolve(rendered.features, ws)

    def losses(self) -> dict[str, Tensor]:
        """Distances of the render to the portrait, and of the guess to what is likely."""
        self._ws = self.ws
        self._image = self.render(self._ws, self.view)
        offset = self.shared + self.rows
        between = offset - offset.mean(1, keepdim=True)
        found = self.target.losses(self._image)
        return {
            "pixel": self.settings.pixel * found["pixel"],
            "perceptual": self.settings.perceptual * found["perceptual"],
            "prior": self.settings.prior * offset.square().mean(),
            "rows": self.settings.rows * between.square().mean(),
            "camera": _ZOOM_PULL * self.view.zoom.square() + _SHIFT_PULL * self.view.shift.square().sum(),
        }

    def keep_best(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Keep the guess if its losses are the lowest so far; returns them and their "total"."""
        report = dict(zip(losses, torch.stack(list(losses.values())).detach().tolist(), strict=True))
        total = sum(report.values())
        if not math.isfinite(total):
            raise UserError("The inversion's loss stopped being a number. Try another crop of the picture.")
        if not hasattr(self, "best") or total < self.best.total:
            tensors = (self._ws.detach(), self.view.detached(), self.background.detach().clone(), self._image.detach())
            self.best = _Best(total, *tensors)
        return {**report, "total": total}

    def update(self, losses: dict[str, Tensor], step: int) -> None:
        """One step of Adam."""
        share = _learning_rate_share(step / self.settings.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * share
        self.optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        if step < self.settings.shared * self.settings.steps:
            self.rows.grad = None
        self.optimizer.step()

    def _search(self) -> tuple[float, float]:
        """The best of a coarse grid of cameras."""
        ws, device = self.ws, self.target.image.device
        grid = [(yaw, pitch) for yaw in SEARCH_YAWS for pitch in SEARCH_PITCHES]

        def distance(angles: tuple[float, float]) -> float:
            losses = self.target.losses(self.render(ws, View.at(*angles, device=device)))
            return float(torch.stack(list(losses.values())).sum())

        return min(grid, key=distance)


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
    sides = [
        [F.normalize(one, dim=-1) for one in encoder.encode(images, layers, embedding=False).tokens.values()]
        for images in (a, b)
    ]
    return torch.stack([(x - y).square().sum(-1).mean(-1) for x, y in zip(*sides, strict=True)]).mean(0)


def _learning_rate_share(share: float) -> float:
    """Rises over the first twentieth, stays, and falls over the last quarter (Karras et al. 2020)."""
    return min(1.0, (share + 0.01) * 20) * min(1.0, (1 - share) * 4)
