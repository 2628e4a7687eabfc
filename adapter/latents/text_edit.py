"""Edits of one person by words: latent optimization as in StyleCLIP (Patashnik et al. 2021, section 4).

The person's extended latent moves until a CLIP finds the words in the render, and is pulled back to where it was. In
place of their face recognition network, LPIPS at a low resolution keeps the person (ours).
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.latents.latent_space import LatentSpace
from adapter.latents.person import Person
from adapter.latents.target import Perceptual
from adapter.media.images import to_uint8

IDENTITY_SIDE = 64
"""Pixels at which the person is compared: what words change is finer or smaller than who somebody is."""


@dataclass(frozen=True)
class TextEditSettings:
    """Of one edit by words.

    Attributes:
        steps: optimizer steps.
        learning_rate: Adam's, in standard deviations of w.
        distance: weight of the mean squared move of w, in squared standard deviations (their lambda_L2).
        identity: weight of LPIPS to the person before (in place of their lambda_ID).
        preview_every: steps between previews.
    """

    steps: int = 60
    learning_rate: float = 0.05
    distance: float = 0.5
    identity: float = 0.3
    preview_every: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise UserError("An edit by words takes 1 to 1000 steps.")


@dataclass(frozen=True)
class TextEditEvent:
    """What an edit by words has reached.

    Attributes:
        step, total: steps done and to do; step 0 is the person as before.
        losses: weighted, by name, and their sum under "total".
        ws: the edited extended latent with the lowest losses so far [num_ws, w].
        seconds_left: estimated; None at the start.
        preview: uint8 [2, S, S, 3]: before and now; None between previews.
    """

    step: int
    total: int
    losses: dict[str, float]
    ws: Tensor
    seconds_left: float | None
    preview: np.ndarray | None = None


def edit_by_text(
    generator: Generator,
    person: Person,
    words: Tensor,
    encoder: ImageEncoder,
    perceptual: Perceptual,
    settings: TextEditSettings | None = None,
    space: LatentSpace | None = None,
) -> Iterator[TextEditEvent]:
    """Move a person to what words say; closing the iterator stops it.

    Args:
        generator: the base.
        person: who is edited, from the front.
        words: unit embedding of the text [1, D].
        encoder: image tower of the same CLIP.
        perceptual: LPIPS.
        settings: the defaults where None.
        space: of the base's people; measured where None.

    Yields:
        The start, every step, and the end; the last one holds the result.

    Raises:
        UserError: a loss that is not a number.
    """
    settings, space = settings or TextEditSettings(), space or LatentSpace.of(generator)
    edit = _Edit(generator, person, words, encoder, perceptual, settings, space)
    started = time.perf_counter()
    for step in range(settings.steps + 1):
        losses = edit.losses()
        report = edit.keep_best(losses)
        done = step == settings.steps
        if not done:
            edit.update(losses, step / settings.steps)
        left = (time.perf_counter() - started) / (step + 1) * (settings.steps - step)
        seen = edit.preview() if done or step % settings.preview_every == 0 else None
        yield TextEditEvent(step, settings.steps, report, edit.best_ws, left if step else None, seen)


class _Edit:
    """The move of a person's latent under optimization, along the principal axes of w."""

    def __init__(
        self,
        generator: Generator,
        person: Person,
        words: Tensor,
        encoder: ImageEncoder,
        perceptual: Perceptual,
        settings: TextEditSettings,
        space: LatentSpace,
    ) -> None:
        self.generator, self.person, self.encoder, self.perceptual = generator, person, encoder, perceptual
        self.settings, self.before = settings, person.ws[None].to(generator.device)
        self.axes, self.words = space.axes.to(self.before), words.to(self.before)
        self.camera = cameras_around_front(generator.config, torch.zeros(1)).to(self.before)
        self.move = torch.zeros_like(self.before).requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.move], lr=settings.learning_rate, betas=(0.9, 0.99))
        with torch.no_grad():
            self.first = self.render(self.before)
            self.maps = perceptual.maps(_small(self.first))
        self.best, self.best_ws, self.best_image = math.inf, self.before[0], self.first

    def render(self, ws: Tensor) -> Tensor:
        """The person from the front [1, 3, S, S]."""
        planes = self.person.add_to(self.generator.planes(ws))
        return self.generator.superresolve(self.generator.render(planes, self.camera).features, ws)

    def losses(self) -> dict[str, Tensor]:
        """How far the render is from the words, and the person from before."""
        self._ws = self.before + self.move @ self.axes
        self._image = self.render(self._ws)
        embedding = self.encoder.encode(self._image.clamp(-1, 1)).joint
        apart = self.perceptual.between(self.perceptual.maps(_small(self._image)), self.maps).mean()
        return {
            "clip": 1 - (embedding * self.words).sum(),
            "distance": self.settings.distance * self.move.square().mean(),
            "identity": self.settings.identity * apart,
        }

    def keep_best(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Keep the latent if its losses are the lowest so far; returns them and their "total"."""
        report = {name: float(value.detach()) for name, value in losses.items()}
        total = sum(report.values())
        if not math.isfinite(total):
            raise UserError("The edit's loss stopped being a number. Try other words.")
        if total < self.best:
            self.best, self.best_ws, self.best_image = total, self._ws.detach()[0].clone(), self._image.detach()
        return {**report, "total": total}

    def update(self, losses: dict[str, Tensor], share: float) -> None:
        """One step of Adam after a share of all steps."""
        self.optimizer.param_groups[0]["lr"] = self.settings.learning_rate * min(1.0, 4 * (1 - share))
        self.optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        self.optimizer.step()

    def preview(self) -> np.ndarray:
        """Before and now: uint8 [2, S, S, 3]."""
        return to_uint8(torch.cat([self.first, self.best_image]))


def _small(image: Tensor) -> Tensor:
    size = min(IDENTITY_SIDE, image.shape[-1])
    return F.interpolate(image.clamp(-1, 1), (size, size), mode="bilinear", antialias=True)
