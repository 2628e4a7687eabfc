"""The person seen from the front by a 2D generator: features that a base may add to its XY plane.

A 2D generator of faces knows far more about them than a small 3D GAN can learn. Its frontal features, brought onto the
XY plane, give skin, eyes, hair; the tri-planes beside them give the third dimension (our reconstruction of the idea
of Trevithick et al. 2023, who lift a frontal picture to tri-planes).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FIRST = 4
"""Side of the learned constant in pixels."""
SLOPE = 0.2


@dataclass(frozen=True)
class FrontConfig:
    """Sizes of the front generator and of what reads it.

    ``channels``: of the features at 4, 8, 16, ... px. ``read``: channels that are read out of the last two levels.
    ``plane``: side of the planes in texels.
    """

    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256)
    read: int = 32
    plane: int = 256


class Modulated(nn.Module):
    """A convolution that is depthwise and then pointwise; w scales its input, channel by channel.

    There is no demodulation (Belousov 2021, section 3.3: it is part of the trained weights).
    """

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, w_dim: int, side: int) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, inputs)
        self.depthwise = nn.Parameter(torch.randn(inputs, 1, 3, 3))
        self.pointwise = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise", torch.zeros(side, side))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map x [N, I, S, S] and w [N, w] to [N, O, S, S]."""
        # Scaling the filters equals scaling the input, which is far larger; each sample's channels are groups then.
        own = (self.depthwise * self.affine(w)[:, :, None, None, None]).flatten(0, 1)
        scaled = F.conv2d(x.reshape(1, -1, *x.shape[2:]), own, padding=1, groups=len(own)).view_as(x)
        x = F.conv2d(scaled, self.pointwise, self.bias).add_(self.noise)
        return F.leaky_relu(x, SLOPE, inplace=True)


class Level(nn.Module):
    """Twice the size by an inverse Haar transform, then two modulated convolutions (Belousov 2021, figure 3)."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, side: int) -> None:
        super().__init__()
        self.bands = nn.Linear(w_dim, inputs)
        self.conv0 = Modulated(inputs // 4, outputs, w_dim, side)
        self.conv1 = Modulated(outputs, outputs, w_dim, side)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map x [N, I, S/2, S/2] to [N, O, S, S]."""
        x = inverse_haar(x * self.bands(w)[:, :, None, None])
        return self.conv1(self.conv0(x, w), w)


def inverse_haar(x: Tensor) -> Tensor:
    """Bands [N, 4 C, S, S] to [N, C, 2 S, 2 S]: C low-pass bands, then three details for each."""
    count = x.shape[1] // 4
    low, details = x[:, :count], x[:, count:].unflatten(1, (count, 3))
    rows, columns, both = details.unbind(2)
    sums, differences = low + rows, low - rows
    across, against = columns + both, columns - both
    corners = [sums + across, sums - across, differences + against, differences - against]
    return F.pixel_shuffle(torch.stack(corners, dim=2).flatten(1, 2) * 0.5, 2)


class FrontSynthesis(nn.Module):
    """MobileStyleGAN's synthesis network (Belousov 2021) without its last levels: w to features."""

    noise: Tensor

    def __init__(self, config: FrontConfig, w_dim: int) -> None:
        super().__init__()
        first = config.channels[0]
        self.constant = nn.Parameter(torch.randn(first, FIRST, FIRST))
        self.affine = nn.Linear(w_dim, first)
        self.weight = nn.Parameter(torch.randn(first, first, 3, 3))
        self.bias = nn.Parameter(torch.zeros(first))
        self.register_buffer("noise", torch.zeros(FIRST, FIRST))
        sides = [FIRST * 2**k for k in range(1, len(config.channels))]
        pairs = zip(config.channels[:-1], config.channels[1:], sides, strict=True)
        self.levels = nn.ModuleList(Level(inputs, outputs, w_dim, side) for inputs, outputs, side in pairs)

    def forward(self, ws: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the last level but one and of the last one.

        Args:
            ws: [N, levels + 1, w], a row for the constant and one for each level.
        """
        x = self.constant * self.affine(ws[:, 0])[:, :, None, None]
        x = F.leaky_relu(F.conv2d(x, self.weight, padding=1) + self.noise + self.bias[:, None, None], SLOPE)
        before = x
        for level, w in zip(self.levels, ws[:, 1:].unbind(1), strict=True):
            before, x = x, level(x, w)
        return before, x


class FrontReader(nn.Module):
    """Features of the front picture to what is added to the XY plane.

    Args:
        inputs: channels of the last level but one and of the last level.
        config: sizes.
        plane_channels: channels of a plane.

    Attributes:
        grid: for each texel of the plane, where the front picture shows it [R, R, 2], in [-1, 1] (x, y).
    """

    grid: Tensor

    def __init__(self, inputs: tuple[int, int], config: FrontConfig, plane_channels: int) -> None:
        super().__init__()
        self.read0 = nn.Conv2d(inputs[0], config.read, 1)
        self.read1 = nn.Conv2d(inputs[1], 4 * config.read, 1)
        self.conv = nn.Conv2d(config.read, config.read, 3, padding=1, padding_mode="replicate")
        self.write = nn.Conv2d(config.read, plane_channels, 3, padding=1, padding_mode="replicate")
        self.register_buffer("grid", torch.zeros(config.plane, config.plane, 2))

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Map features [N, I0, S, S] and [N, I1, 2 S, 2 S] to [N, C, R, R]."""
        x = self._onto_plane(F.pixel_shuffle(self.read1(last), 2)) + self._onto_plane(self.read0(before))
        x = F.leaky_relu(x, SLOPE)
        return self.write(F.leaky_relu(self.conv(x), SLOPE))

    def _onto_plane(self, x: Tensor) -> Tensor:
        grid = self.grid.to(x.dtype).expand(len(x), -1, -1, -1)
        return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


class Front(nn.Module):
    """ws to what is added to the XY plane [N, C, R, R]."""

    def __init__(self, config: FrontConfig, w_dim: int, plane_channels: int) -> None:
        super().__init__()
        self.w_dim = w_dim
        self.synthesis = FrontSynthesis(config, w_dim)
        self.reader = FrontReader((config.channels[-2], config.channels[-1]), config, plane_channels)

    def forward(self, ws: Tensor) -> Tensor:
        """Map ws [N, num_ws, w]; each level reads the row of the block of its own resolution."""
        count, last = len(self.synthesis.levels) + 1, ws.shape[1] - 2
        rows = [max(0, last - 2 * (count - 1 - index)) for index in range(count)]
        # A second modulation (DoRM) appends its own w, which the front does not read.
        return self.reader(*self.synthesis(ws[:, rows, : self.w_dim].float()))


def add_to_xy(image: Tensor, front: Tensor) -> Tensor:
    """Enlarge a plane image [N, 3 C, r, r] to the front's side and add the front [N, C, R, R] to its first plane."""
    image = F.interpolate(image, size=front.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat([image[:, : front.shape[1]] + front, image[:, front.shape[1] :]], dim=1)
