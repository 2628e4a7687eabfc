"""How well portraits are inverted: people of the base that were never optimized for, whose other views are known."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d import Generator
from adapter.encoders.lpips import Lpips
from adapter.evaluation.portraits import enlarged, mesh_error
from adapter.latents.inversion import InversionEvent, InversionSettings, invert
from adapter.latents.latent_space import LatentSpace
from adapter.latents.pivotal import TuningSettings, tune
from adapter.latents.target import Target, View, render_before
from adapter.latents.wplus_encoder import Inverter
from adapter.media.alignment import Framing
from adapter.media.crop import Crop
from adapter.media.images import to_tensor
from adapter.media.portrait import cut_portrait, find_portraits

TURN = 0.349
"""Radians, 20 degrees, between the portrait and the other views."""
CROWD = 256
"""People among whom a reconstruction must be closest to its own."""
YAW, PITCH = 0.35, 0.15
"""Largest angles of the portraits."""
_CROWD_SIDE = 128


@dataclass(frozen=True)
class InversionScore:
    """Of one portrait.

    Attributes:
        seconds: that the inversion took.
        lpips: of portrait and render (AlexNet).
        landmarks: mean distance of the two face meshes in face widths; NaN if a face is missing.
        psnr, psnr_turned: of the seen view, and of two views `TURN` away, in dB; NaN for pictures from outside.
        is_identified: whether nobody of the crowd is closer than the person; None for pictures from outside.
    """

    seconds: float
    lpips: float
    landmarks: float
    psnr: float = float("nan")
    psnr_turned: float = float("nan")
    is_identified: bool | None = None


class InversionEvaluation:
    """Inverts people of a base and pictures from outside.

    Args:
        generator: the base.
        perceptual: LPIPS.
        settings: of the inversion.
        tuning: of pivotal tuning afterwards; none where None.
        inverter: W+ encoder of the base; none where None.
        seed: of the people, who are others than those that its latent space is measured with.
        crowd: people among whom a reconstruction is looked for.
    """

    def __init__(
        self,
        generator: Generator,
        perceptual: Lpips,
        settings: InversionSettings,
        tuning: TuningSettings | None = None,
        inverter: Inverter | None = None,
        seed: int = 1_000_003,
        crowd: int = CROWD,
    ) -> None:
        self.generator, self.perceptual, self.settings, self.tuning = generator, perceptual, settings, tuning
        self.inverter, self.crowd = inverter, crowd
        self.space = LatentSpace.of(generator)
        self.random = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def own_people(self, count: int) -> Iterator[InversionScore]:
        """Invert random people of the base, each from a random side."""
        z = torch.randn(max(count, self.crowd), self.generator.config.z_dim, generator=self.random)
        everyone = self.generator.sample_ws(z)
        angles = (torch.rand(count, 2, generator=self.random) * 2 - 1) * torch.tensor([YAW, PITCH])
        crowd = self._crowd(everyone)
        for number in range(count):
            yaw, pitch = angles[number].tolist()
            ws = everyone[number : number + 1]
            yield self._own_person(ws, yaw, pitch, crowd, number)

    def pictures(self, pictures: Sequence[np.ndarray], framing: Framing) -> Iterator[InversionScore]:
        """Invert pictures uint8 [H, W, 3] from outside of the base; those without a face are left out."""
        for picture in pictures:
            crops = find_portraits(picture, framing)
            if not crops:
                continue
            portrait = cut_portrait(picture, crops[0])
            image = to_tensor(portrait.pixels, self.generator.config.image_resolution)
            weight = torch.from_numpy(portrait.weight)[None, None].float() / 255
            angles = None if portrait.yaw is None or portrait.pitch is None else (portrait.yaw, portrait.pitch)
            _, _, render, seconds = self._invert(image, angles, weight)
            yield InversionScore(seconds, float(self.perceptual(image, render)), mesh_error(image, render))

    def _own_person(
        self, ws: Tensor, yaw: float, pitch: float, crowd: list[tuple[Tensor, ...]], number: int
    ) -> InversionScore:
        truth = self._look(ws, yaw, pitch)
        portrait = cut_portrait(enlarged(truth), Crop())
        angles = None if portrait.yaw is None or portrait.pitch is None else (portrait.yaw, portrait.pitch)
        found, residual, render, seconds = self._invert(truth, angles, None)
        turned = [
            psnr(self._look(found.ws, yaw + turn, pitch, residual), self._look(ws, yaw + turn, pitch))
            for turn in (-TURN, TURN)
        ]
        front = self.perceptual.maps(_small(self._look(found.ws, 0.0, 0.0, residual)))
        distances = [float(self.perceptual.between(front, maps)) for maps in crowd]
        return InversionScore(
            seconds,
            float(self.perceptual(truth, render)),
            mesh_error(truth, render),
            psnr(truth, render),
            float(np.mean(turned)),
            int(np.argmin(distances)) == number,
        )

    def _invert(
        self, image: Tensor, angles: tuple[float, float] | None, weight: Tensor | None
    ) -> tuple[InversionEvent, Tensor | None, Tensor, float]:
        """The last event, the residual, the render from the portrait's side, and the seconds that it took."""
        started, residual = time.perf_counter(), None
        with torch.enable_grad():
            events = invert(
                self.generator, image, self.perceptual, self.settings, self.inverter, angles, weight, self.space
            )
            *_, found = events
            if self.tuning is not None:
                target = Target(self.generator, image, self.perceptual, weight)
                *_, (_, residual) = tune(target, found, self.tuning)
        seconds = time.perf_counter() - started
        return found, residual, self._render(found, residual), seconds

    @torch.no_grad()
    def _render(self, found: InversionEvent, residual: Tensor | None) -> Tensor:
        planes = self.generator.planes(found.ws)
        if residual is not None:
            planes = type(planes)(planes.values + residual, planes.axes, planes.divisor)
        rendered = render_before(self.generator, planes, found.view.label(self.generator), found.background)
        return self.generator.superresolve(rendered.features, found.ws).clamp(-1, 1)

    @torch.no_grad()
    def _look(self, ws: Tensor, yaw: float, pitch: float, residual: Tensor | None = None) -> Tensor:
        """A person before the base's own background [1, 3, S, S]."""
        planes = self.generator.planes(ws)
        if residual is not None:
            planes = type(planes)(planes.values + residual, planes.axes, planes.divisor)
        camera = View.at(yaw, pitch, ws.device).label(self.generator)
        return self.generator.superresolve(self.generator.render(planes, camera).features, ws).clamp(-1, 1)

    def _crowd(self, everyone: Tensor) -> list[tuple[Tensor, ...]]:
        """LPIPS' maps of everyone from the front."""
        return [
            self.perceptual.maps(_small(self._look(everyone[k : k + 1], 0.0, 0.0)))
            for k in range(min(self.crowd, len(everyone)))
        ]


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio of images in [-1, 1], in dB."""
    return float(10 * torch.log10(4 / (a - b).square().mean().clamp_min(1e-10)))


def table(rows: Mapping[str, Sequence[InversionScore]]) -> str:
    """Medians as a Markdown table, a row for each group of portraits."""
    lines = [
        "| portraits | number | LPIPS | landmarks, face widths | PSNR, dB | PSNR 20° away, dB | identified | seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, scores in rows.items():
        middles = [
            float(np.nanmedian([getattr(score, field) for score in scores]))
            for field in ("lpips", "landmarks", "psnr", "psnr_turned", "seconds")
        ]
        known = [score.is_identified for score in scores if score.is_identified is not None]
        identified = f"{100 * sum(known) / len(known):.0f} %" if known else "–"
        shown = [f"{middles[0]:.3f}", f"{middles[1]:.3f}", *("–" if np.isnan(v) else f"{v:.1f}" for v in middles[2:4])]
        lines.append(f"| {name} | {len(scores)} | {' | '.join(shown)} | {identified} | {middles[4]:.0f} |")
    return "\n".join(lines)


def _small(image: Tensor) -> Tensor:
    return F.interpolate(image, (_CROWD_SIDE, _CROWD_SIDE), mode="bilinear", antialias=True)
