"""Where training starts: a mapping that already carries the named attributes."""

import math

import torch
from torch import Tensor

from adapter.eg3d.generator import Generator

HINGES = (-1.0, 0.0, 1.0)
"""Places along an attribute's axis where the mapping can bend."""
HINGE_SLOPE = 2.0


@torch.no_grad()
def carry_attributes(generator: Generator, directions: Tensor) -> None:
    """Set the first two mapping layers so that w starts as the attributes, their negatives, and hinges on them.

    Args:
        generator: changed in place.
        directions: unit vectors [A, z], one per named attribute. A network without this start spends most of a short
            training on finding them.
    """
    first, second = generator.backbone.mapping.fc0, generator.backbone.mapping.fc1
    width, z_dim = first.weight.shape
    count = len(directions)
    weight = torch.randn(width, z_dim) / math.sqrt(z_dim)
    bias = torch.zeros(width)
    signed = torch.cat([directions, -directions])
    weight[: 2 * count] = signed
    row = 2 * count
    for hinge in HINGES:
        room = min(count, width - row)
        weight[row : row + room] = directions[:room] * HINGE_SLOPE
        bias[row : row + room] = -HINGE_SLOPE * hinge
        row += room
    first.weight.copy_(weight / first.weight_gain)
    first.bias.copy_(bias / first.bias_gain)
    mix = torch.randn(width, width) / math.sqrt(width)
    mix[:row] = 0
    # Half of leaky(u) - leaky(-u) gives u back, up to the activation's gain of sqrt(2).
    share = 1 / (1.2 * math.sqrt(2))
    index = torch.arange(count)
    for target, own, other in ((index, index, index + count), (index + count, index + count, index)):
        mix[target, own] = share
        mix[target, other] = -share
    kept = torch.arange(2 * count, row)
    mix[kept, kept] = 1 / math.sqrt(2)
    second.weight.copy_(mix / second.weight_gain)
    second.bias.zero_()


@torch.no_grad()
def prepare(generator: Generator, directions: Tensor) -> None:
    """Prepare a fresh generator for regression; changed in place."""
    carry_attributes(generator, directions)
    generator.decoder.net[2].bias[0] = 0.05
    for block in (generator.superresolution.block0, generator.superresolution.block1):
        block.torgb.weight.mul_(0.1)
