"""The raw density of a person on a regular grid, computed block by block, so that any resolution fits into memory."""

from collections.abc import Iterator

import torch
from torch import Tensor

from adapter.eg3d import Planes
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.plane_lookup import lookup
from adapter.utils.parallel import each, even_spans

POINTS = {"cpu": 2**15, "cuda": 2**19}
"""Points of one block by kind of device: as many as a CPU's caches hold."""
BLOCKS_AT_ONCE = 8


def axis(resolution: int, side: float, device: torch.device | None = None) -> Tensor:
    """World coordinates [R] of samples along each axis: the centers of R cells of a cube of side ``side``."""
    return ((torch.arange(resolution, device=device) + 0.5) / resolution - 0.5) * side


class DensityGrid:
    """Raw densities [R, R, R] of one person, by x, y and z; `fill` computes them.

    Args:
        planes: of one latent.
        decoder: the base's, or a domain's.
        side: of the volume in world units, `RenderingConfig.box_warp`.
        resolution: samples R along each side.
    """

    def __init__(self, planes: Planes, decoder: Decoder, side: float, resolution: int) -> None:
        self.planes, self.decoder, self.side, self.resolution = planes, decoder, side, resolution
        device = planes.values.device
        self.axis = axis(resolution, side, device)
        self.values = torch.empty(resolution, resolution, resolution, device=device)

    def fill(self) -> Iterator[float]:
        """Compute all densities; yields the share that is done, 0 to 1."""
        size = POINTS.get(self.values.device.type, POINTS["cuda"])
        spans = even_spans(self.resolution**2, -(-(self.resolution**3) // size))
        for first in range(0, len(spans), BLOCKS_AT_ONCE):
            each(self._fill_block, spans[first : first + BLOCKS_AT_ONCE])
            yield min(1.0, (first + BLOCKS_AT_ONCE) / len(spans))

    @torch.no_grad()
    def _fill_block(self, columns: slice) -> None:
        """Compute some of the R^2 columns along z."""
        count = self.resolution
        number = torch.arange(columns.start, columns.stop, device=self.axis.device)
        x, y = self.axis[number // count], self.axis[number % count]
        points = torch.empty(len(number), count, 3, device=self.axis.device)
        points[..., 0], points[..., 1], points[..., 2] = x[:, None], y[:, None], self.axis
        features = lookup(self.planes, points.view(1, -1, 3), self.side)
        self.values.view(count**2, count)[columns] = self.decoder.density(features).view(-1, count)


def density_grid(planes: Planes, decoder: Decoder, side: float, resolution: int) -> DensityGrid:
    """The filled grid of one person; arguments as of `DensityGrid`."""
    grid = DensityGrid(planes, decoder, side, resolution)
    for _ in grid.fill():
        pass
    return grid
