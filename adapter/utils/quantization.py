"""Large matrices in eight bits: a quarter of the size, each row with a scale of its own."""

from collections.abc import Mapping

import torch
from torch import Tensor

LEAST = 1 << 14
"""Smaller tensors stay as they are."""
SCALE = ".scale"
"""What the name of a quantized tensor's scales ends with."""

Shapes = Mapping[str, tuple[int, ...]]


def quantized_shapes(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Names and shapes that `quantize` gives for tensors of these shapes."""
    scales = {name + SCALE: (shape[0],) for name, shape in shapes.items() if _large(shape)}
    return {**shapes, **scales}


def quantize(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large tensors of two or more dimensions as int8 with a fp32 scale per row, all others as fp16."""
    stored = {}
    for name, value in tensors.items():
        if not _large(tuple(value.shape)):
            stored[name] = value.half()
            continue
        rows = value.float().flatten(1)
        scale = rows.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / 127
        stored[name] = (rows / scale[:, None]).round().to(torch.int8).view(value.shape)
        stored[name + SCALE] = scale
    return stored


def dequantize(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """fp32 tensors of what `quantize` gave; an error is at most half a step, 1/254 of the row's largest value."""
    values = {}
    for name, value in tensors.items():
        if name.endswith(SCALE) and name.removesuffix(SCALE) in tensors:
            continue
        values[name] = value.float()
        if name + SCALE in tensors:
            values[name] *= tensors[name + SCALE].view(-1, *(1,) * (value.dim() - 1))
    return values


def _large(shape: tuple[int, ...]) -> bool:
    count = 1
    for side in shape:
        count *= side
    return len(shape) > 1 and count >= LEAST
