"""Pivotal tuning: what a base cannot show of a person is added to the person's planes.

Pivotal Tuning Inversion (Roich et al. 2022) trains the generator's weights around the latent that an inversion found.
Here the planes themselves are trained (ours): they are the person's alone, and domains share them with their base, so
that the person's difference and a domain's apply together. Depth and opacity from other sides stay as they were, which
is this method's locality regularization.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.eg3d.planes import Planes
from adapter.errors import UserError
from adapter.latents.inversion import InversionEvent
from adapter.latents.target import Target, View, render_before

CELLS = 64
"""Side of the trained residual; finer detail comes from the base."""
OTHER_YAW, OTHER_PITCH = 0.6, 0.2


@dataclass(frozen=True)
class TuningSettings:
    """Of one tuning.

    Attributes:
        steps: optimizer steps.
        learning_rate: Adam's, in standard deviations of the planes' values.
        pixel, perceptual: weights of the two distances.
        size: weight of the residual's mean square, in squared standard deviations.
        smooth: weight of the mean square of differences between neighbors, in the same unit.
        shape: weight of the change of depth (in face depths) and opacity from a random side.
        preview_every: steps between previews.
    """

    steps: int = 60
    learning_rate: float = 0.05
    pixel: float = 1.0
    perceptual: float = 1.0
    size: float = 0.05
    smooth: float = 0.1
    shape: float = 2.0
    preview_every: int = 10


def tune(
    target: Target, found: InversionEvent, settings: TuningSettings | None = None, seed: int = 0
) -> Iterator[tuple[InversionEvent, Tensor]]:
    """Train a residual to the planes of an inverted person; closing the iterator stops it.

    Args:
        target: the portrait.
        found: the inversion's last event.
        settings: the defaults where None.
        seed: of the other sides.

    Yields:
        After every step, an event in the inversion's terms, and the residual so far [P, C, R, R].

    Raises:
        UserError: a loss that is not a number.
    """
    settings = settings or TuningSettings()
    tuning = _Tuning(target, found, settings, seed)
    started = time.perf_counter()
    for step in range(1, settings.steps + 1):
        losses = tuning.step(step / settings.steps)
        if not math.isfinite(losses["total"]):
            raise UserError("The tuning's loss stopped being a number. Keep the person without it.")
        done = step == settings.steps
        preview = target.preview(tuning.image) if done or step % settings.preview_every == 0 else None
        left = (time.perf_counter() - started) / step * (settings.steps - step)
        event = InversionEvent(step, settings.steps, losses, left, found.ws, found.view, found.background, preview)
        yield event, tuning.residual.detach()


class _Tuning:
    """The residual under optimization."""

    image: Tensor

    def __init__(self, target: Target, found: InversionEvent, settings: TuningSettings, seed: int) -> None:
        self.target, self.found, self.settings, self.generator = target, found, settings, target.generator
        self.random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.planes = self.generator.planes(found.ws)
        values = self.planes.values[0]
        self.spread = values.std(dim=(1, 2, 3), keepdim=True).expand(-1, values.shape[1], -1, -1)
        cells = min(CELLS, values.shape[-1])
        self.coarse = torch.zeros(*values.shape[:2], cells, cells, device=values.device).requires_grad_(True)
        self.label = found.view.label(self.generator).detach()
        self.optimizer = torch.optim.Adam([self.coarse], lr=settings.learning_rate, betas=(0.9, 0.99))

    @property
    def residual(self) -> Tensor:
        """What is added to the planes' values [P, C, R, R]."""
        side = self.planes.values.shape[-1]
        fine = (
            F.interpolate(self.coarse, (side, side), mode="bilinear") if side != self.coarse.shape[-1] else self.coarse
        )
        return fine * self.spread

    def step(self, share: float) -> dict[str, float]:
        """One step of Adam."""
        settings = self.settings
        planes = Planes(self.planes.values + self.residual, self.planes.axes, self.planes.divisor)
        features = render_before(self.generator, planes, self.label, self.found.background).features
        image = self.generator.superresolve(features, self.found.ws)
        found = self.target.losses(image)
        neighbors = [self.coarse.diff(dim=dim).square().mean() for dim in (2, 3)]
        losses = {
            "pixel": settings.pixel * found["pixel"],
            "perceptual": settings.perceptual * found["perceptual"],
            "size": settings.size * self.coarse.square().mean(),
            "smooth": settings.smooth * (neighbors[0] + neighbors[1]),
            "shape": settings.shape * self._change_of_shape(planes),
        }
        total = torch.stack(list(losses.values())).sum()
        self.optimizer.param_groups[0]["lr"] = settings.learning_rate * min(1.0, 4 * (1 - share) + 0.05)
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        self.image = image.detach()
        return {name: float(value.detach()) for name, value in losses.items()} | {"total": float(total.detach())}

    def _change_of_shape(self, planes: Planes) -> Tensor:
        """How far depth and opacity from a random side are from what they were."""
        yaw, pitch = ((torch.rand(2, generator=self.random) * 2 - 1) * torch.tensor([OTHER_YAW, OTHER_PITCH])).tolist()
        label = View.at(yaw, pitch, self.coarse.device).label(self.generator)
        side = self.generator.config.raw_resolution // 2
        with torch.no_grad():
            before = self.generator.render(self.planes, label, side)
        after = self.generator.render(planes, label, side)
        face = self.generator.config.rendering.box_warp / 4
        seen = (before.opacity > 0.5).float()
        depth = ((after.depth - before.depth).clamp(-1, 1).abs() * seen).sum() / seen.sum().clamp_min(1) / face
        return depth + (after.opacity - before.opacity).abs().mean()
