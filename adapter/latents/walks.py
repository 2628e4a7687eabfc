"""Walks from person to person and back, through w, at constant perceptual speed, while the camera sways."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d import Generator, Output, Parts, Planes
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.pair import PairRenderer
from adapter.latents.interpolation import along
from adapter.utils.parallel import stream

Distance = Callable[[Tensor, Tensor], Tensor]
"""Perceptual distances [N] of images [N, 3, S, S] in [-1, 1], such as `adapter.encoders.lpips.Lpips`."""
STEPS = 6
"""Measured steps from one person to the next."""
SLOWEST = 0.05
"""A step is at least this share of the mean step long, so that no walk lingers between people who look alike."""
MEASURED_SIDE = 256
YAW, PITCH = 0.35, 0.08
"""How far the camera sways, in radians."""


def pixel_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared differences [N] of images [N, 3, S, S]: what takes the place of LPIPS where it is not at hand."""
    return (a - b).square().flatten(1).mean(dim=1)


@dataclass(frozen=True)
class WalkPath:
    """A closed walk past K people as source and as target; its positions are those of `interpolation.along`.

    Args:
        generator: the base.
        parts: of the target.
        ws: of the people [K, num_ws, w].
        target_ws: of `Parts.rows`. They are walked beside the others, as a target's own mapping knows no way between.
        residual: what pivotal tuning adds to the planes of the first person [P, C, R, R]; it fades on the way.
    """

    generator: Generator
    parts: Parts
    ws: Tensor
    target_ws: Tensor
    residual: Tensor | None = None

    @torch.no_grad()
    def pair(self, position: float, yaw: float = 0.0, pitch: float = 0.0, zoom: float = 1.0) -> tuple[Output, Output]:
        """Source and target at a position, from a camera at angles in radians from the front."""
        where = torch.tensor([position], dtype=torch.float64)
        ws, target_ws = along(self.ws, where), along(self.target_ws, where)
        renderer = PairRenderer(self.generator, self.parts, None, ws, target_ws=target_ws)
        share = max(0.0, 1 - min(position, len(self.ws) - position))
        renderer.planes = self._tuned(renderer.planes, share)
        if renderer.target_planes is not None:
            renderer.target_planes = self._tuned(renderer.target_planes, share)
        return renderer.render(cameras_around_front(self.generator.config, [yaw], [pitch], zoom))

    def _tuned(self, planes: Planes, share: float) -> Planes:
        if self.residual is None or not share:
            return planes
        return Planes(planes.values + share * self.residual.to(planes.values), planes.axes, planes.divisor)

    @property
    def measured(self) -> list[float]:
        """The positions between which the walk is measured: `STEPS` for each person, and the first once more."""
        return [k / STEPS for k in range(len(self.ws) * STEPS + 1)]

    def images(self, position: float) -> Tensor:
        """Source and target from the front [2, 3, S, S], S at most `MEASURED_SIDE`, for the measurement."""
        images = torch.cat([output.image.float().clamp(-1, 1) for output in self.pair(position)])
        if images.shape[-1] <= MEASURED_SIDE:
            return images
        return F.interpolate(images, (MEASURED_SIDE, MEASURED_SIDE), mode="area")


@torch.no_grad()
def walk_past(
    generator: Generator, parts: Parts, ws: Tensor, latents: Tensor | None, truncation_psi: float = 1.0
) -> WalkPath:
    """The walk past people of ws [K, num_ws, w] and latents z [K, z]; arguments as of `PairRenderer`."""
    known = None if latents is None else latents.to(ws.device)
    return WalkPath(generator, parts, ws, parts.rows(ws, known, truncation_psi))


@dataclass(frozen=True)
class WalkFrame:
    """Progress of a walk: steps done, and in total; a frame as source and as target once it has been measured."""

    done: int
    total: int
    pair: tuple[Output, Output] | None = None


def walk_frames(
    path: WalkPath,
    frames: int,
    distance: Distance = pixel_distance,
    yaw: float = 0.0,
    pitch: float = 0.0,
    zoom: float = 1.0,
) -> Iterator[WalkFrame]:
    """Measure a walk, then render the frames of a loop without a seam; closing the iterator stops.

    Args:
        path: the walk.
        frames: of the loop.
        distance: by which its speed is constant.
        yaw, pitch: around which the camera sways, radians from the front.
        zoom: factor of the focal length.
    """
    people, device = len(path.ws), path.ws.device
    measured = path.measured if people > 1 else [0.0, 1.0]
    total, lengths = len(measured) - 1 + frames, []
    for length in step_lengths(stream(path.images, measured, device), distance):
        lengths.append(length)
        yield WalkFrame(len(lengths), total)
    places = even_positions(measured, lengths, frames)
    aims = [(yaw + turn, pitch + nod) for turn, nod in sway(frames, max(1, people // 2))]
    pairs = stream(lambda item: path.pair(item[0], *item[1], zoom), zip(places, aims, strict=True), device)
    for number, pair in enumerate(pairs, 1):
        yield WalkFrame(len(lengths) + number, total, pair)


def step_lengths(images: Iterable[Tensor], distance: Distance = pixel_distance) -> Iterator[float]:
    """How far each of some images [N, 3, S, S] looks from the one before.

    LPIPS grows with the square of a small step, so lengths are roots; source and target count alike.
    """
    for before, after in pairwise(images):
        yield math.sqrt(max(0.0, float(distance(before, after).mean())))


def even_positions(measured: Sequence[float], lengths: Sequence[float], frames: int) -> list[float]:
    """Positions of a loop's frames such that each looks as different from the one before.

    Args:
        measured: rising positions [M + 1] between which the path was measured.
        lengths: of the path between them [M]; along a step the speed counts as constant.
        frames: of the whole loop; the frame after the last is the first.

    Raises:
        ValueError: no frame, or another number of lengths.
    """
    if frames < 1 or len(lengths) != len(measured) - 1:
        raise ValueError("A walk needs at least one frame and a length for each of its steps.")
    steps = torch.tensor(lengths, dtype=torch.float64)
    steps = steps.clamp_min(float(steps.mean()) * SLOWEST + 1e-12)
    passed = F.pad(steps.cumsum(0), (1, 0))
    wanted = torch.arange(frames, dtype=passed.dtype) / frames * passed[-1]
    step = torch.searchsorted(passed, wanted, right=True).clamp(1, len(steps)) - 1
    places = torch.tensor(measured, dtype=torch.float64)
    return torch.lerp(places[step], places[step + 1], (wanted - passed[step]) / steps[step]).tolist()


def sway(frames: int, turns: int = 1, yaw: float = YAW, pitch: float = PITCH) -> list[tuple[float, float]]:
    """Angles (yaw, pitch) of a camera that swings from side to side ``turns`` times in a loop of frames.

    It starts in the middle and draws a lying eight, so the frame after the last is the first.
    """
    phases = [2 * math.pi * turns * k / frames for k in range(frames)]
    return [(yaw * math.sin(phase), pitch * math.sin(2 * phase)) for phase in phases]
