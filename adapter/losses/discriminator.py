"""A small discriminator, and the augmentation of its images (in the manner of StyleGAN2-ADA)."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS, MOST_CHANNELS = 24, 96
SMALLEST_SIDE = 4


class Discriminator(nn.Module):
    """Residual convolutions down to 4 x 4, the batch's deviation as one more channel, one score an image."""

    def __init__(self, resolution: int) -> None:
        super().__init__()
        levels = max(1, int(math.log2(resolution // SMALLEST_SIDE)))
        widths = [min(CHANNELS * 2**level, MOST_CHANNELS) for level in range(levels + 1)]
        self.first = nn.Conv2d(3, widths[0], 1)
        self.blocks = nn.ModuleList(_Halving(a, b) for a, b in itertools.pairwise(widths))
        self.last = nn.Conv2d(widths[-1] + 1, widths[-1], 3, padding=1)
        self.score = nn.Linear(widths[-1] * SMALLEST_SIDE**2, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Scores [N] of images [N, 3, H, W]; larger is more real."""
        x = F.leaky_relu(self.first(images), 0.2)
        for block in self.blocks:
            x = block(x)
        x = F.adaptive_avg_pool2d(x, SMALLEST_SIDE)
        spread = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean().expand(len(x), 1, SMALLEST_SIDE, SMALLEST_SIDE)
        x = F.leaky_relu(self.last(torch.cat([x, spread], dim=1)), 0.2)
        return self.score(x.flatten(1))[:, 0]


class _Halving(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        half = F.avg_pool2d(x, 2)
        return (F.avg_pool2d(F.leaky_relu(self.main(x), 0.2), 2) + self.skip(half)) * math.sqrt(0.5)


def augment(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Flip, move, scale, turn and recolour images [N, 3, H, W], each with this probability; differentiable."""
    count, device = len(images), images.device

    def draw(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=random)

    def chosen() -> Tensor:
        return (draw() < probability).float()

    flip = 1 - 2 * (draw() < probability / 2).float()
    scale = torch.exp2((draw() * 2 - 1) * 0.4 * chosen())
    turn = (draw() * 2 - 1) * 0.5 * chosen()
    move = (draw(2) * 2 - 1) * 0.25 * chosen()[:, None]
    rows = [
        torch.stack([turn.cos() * flip * scale, -turn.sin() * scale, move[:, 0]], dim=1),
        torch.stack([turn.sin() * flip * scale, turn.cos() * scale, move[:, 1]], dim=1),
    ]
    grid = F.affine_grid(
        torch.stack(rows, dim=1).to(device, non_blocking=True), list(images.shape), align_corners=False
    )
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    contrast = torch.exp2((draw() * 2 - 1) * chosen() * 0.5)
    brightness = (draw() * 2 - 1) * chosen() * 0.3
    # A GPU does not wait for what it is sent.
    factor, shift = torch.stack([contrast, brightness]).to(device, non_blocking=True)[:, :, None, None, None]
    return moved * factor + shift
