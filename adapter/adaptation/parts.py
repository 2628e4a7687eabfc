"""The replaceable parts of a generator, with or without a background of their own."""

import torch
from torch import Tensor

from adapter.eg3d import Generator, Parts


def copy_parts(generator: Generator, background: int = 0) -> Parts:
    """Parts equal to the generator's own.

    Args:
        background: side of the background map that is added, showing what the base shows; 0 adds none.
    """
    parts = generator.parts()
    if not background:
        return parts
    channels = generator.config.feature_channels
    own = 1.0 if generator.config.rendering.white_background else 0.0
    device = next(parts.parameters()).device
    colours = torch.full((channels, background, background), own, device=device)
    return Parts(parts.decoder, parts.superresolution, colours)


def set_parameters(parts: Parts, values: dict[str, Tensor]) -> None:
    """Copy values into the parameters of the same dotted names; the rest stays."""
    parameters = dict(parts.named_parameters())
    for name, value in values.items():
        parameters[name].data.copy_(value)
