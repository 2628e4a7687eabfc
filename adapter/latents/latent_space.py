"""The people of a base as a distribution in w: mean and principal axes, in which one unit is one standard deviation."""

from dataclasses import dataclass

import torch
from torch import Tensor

from adapter.eg3d import Generator

SAMPLES = 4096
SMALLEST = 1e-3
"""Standard deviation that an axis has at least, as a share of the largest one's."""


@dataclass(frozen=True)
class LatentSpace:
    """Principal axes of w (as GANSpace has them, Härkönen et al. 2020).

    Attributes:
        mean: [w].
        axes: [w, w], a row for each axis, the longest first; each has the length of one standard deviation.
    """

    mean: Tensor
    axes: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, generator: Generator, samples: int = SAMPLES, seed: int = 0) -> "LatentSpace":
        """Measure the space of a base by random people."""
        random = torch.Generator().manual_seed(seed)
        w = generator.sample_ws(torch.randn(samples, generator.config.z_dim, generator=random))[:, 0].double()
        mean = w.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov(w.T))
        spread = values.clamp_min(0).sqrt()
        spread = spread.clamp_min(SMALLEST * spread.max())
        return cls(mean.float(), (spread[:, None] * vectors.T).flip(0).float())

    def to_w(self, coordinates: Tensor) -> Tensor:
        """Coordinates [..., w] in standard deviations to w [..., w]."""
        return self.mean + coordinates @ self.axes

    def to_coordinates(self, w: Tensor) -> Tensor:
        """w [..., w] to coordinates [..., w]."""
        return ((w - self.mean) @ self.axes.T) / self.axes.square().sum(1)
