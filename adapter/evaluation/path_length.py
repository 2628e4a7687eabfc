"""Perceptual path length (Karras et al. 2019, section 4.1): how evenly a world changes along lines in w.

The distance is LPIPS by AlexNet on whole pictures, so numbers do not compare with those of VGG on cropped ones.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from adapter.eg3d import Generator, Parts
from adapter.eg3d.camera import cameras_around_front
from adapter.latents.walks import Distance

STEP = 1e-3
"""Share of the line between two people. At the 1e-4 of the paper, rounding in fp32 shows in the numbers."""
OUTLIERS = 1.0
"""Percent of the distances that are left out at both ends."""


@torch.no_grad()
def path_distances(
    generator: Generator, parts: Parts | None, distance: Distance, pairs: int, seed: int = 0, step: float = STEP
) -> Iterator[float]:
    """Distances over a short step on the lines between random people from the front, over the step squared.

    Args:
        generator: the base.
        parts: of the target; the base itself where None.
        distance: LPIPS.
        pairs: of people; the same seed gives the same ones in every world.
        seed: of people and places on the lines.
        step: share of the line.
    """
    random = torch.Generator().manual_seed(seed)
    camera = cameras_around_front(generator.config, torch.zeros(2)).to(generator.device)
    for _ in range(pairs):
        z = torch.randn(2, generator.config.z_dim, generator=random).to(generator.device)
        start = float(torch.rand((), generator=random, dtype=torch.float64))
        ws = generator.sample_ws(z)
        rows = ws if parts is None else parts.rows(ws, z)
        images = _images(generator, parts, _between(ws, start, step), _between(rows, start, step), camera)
        yield float(distance(images[:1], images[1:])) / step**2


def mean_length(distances: Sequence[float]) -> float:
    """The mean without the outliers at both ends."""
    values = np.asarray(distances)
    low, high = np.percentile(values, [OUTLIERS, 100 - OUTLIERS], method="nearest")
    return float(values[(values >= low) & (values <= high)].mean())


def path_length_table(lengths: dict[str, float]) -> str:
    """Worlds and their path lengths as Markdown, the first one being the source."""
    source = next(iter(lengths.values()))
    rows = [f"| {name} | {value:.3f} | {value / source:.2f} |" for name, value in lengths.items()]
    return "\n".join(["| world | path length ↓ | over the source's |", "| --- | ---: | ---: |", *rows])


def _between(ends: Tensor, start: float, step: float) -> Tensor:
    """Codes [2, ...] at the start and the end of a step on the line between two [2, ...]."""
    shares = ends.new_tensor([start, start + step]).reshape(2, *[1] * (ends.dim() - 1))
    return torch.lerp(ends[:1], ends[1:], shares)


def _images(generator: Generator, parts: Parts | None, ws: Tensor, rows: Tensor, cameras: Tensor) -> Tensor:
    if parts is None:
        return generator.synthesis(ws, cameras).image.clamp(-1, 1)
    planes = generator.planes(ws if parts.synthesis is None else rows, synthesis=parts.synthesis)
    return generator.image(generator.render(planes, cameras, parts=parts), cameras, rows, parts).clamp(-1, 1)
