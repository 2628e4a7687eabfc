"""StyleGAN-NADA's adaptive choice of layers: train those whose latents the goal moves most."""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from adapter.adaptation.source_cache import SourceCache
from adapter.eg3d import Generator, Parts

CODES = 4
"""Latents that are moved for a choice. StyleGAN-NADA takes eight."""
LEARNING_RATE = 0.01


def row_of(name: str, parts: Parts) -> int | None:
    """The row of W+ that drives the layer of a parameter; None if no row does, as in the decoder."""
    if name.startswith("superresolution."):
        return -1
    if parts.synthesis is None or not name.startswith("synthesis."):
        return None
    _, block, layer, *_ = name.split(".")
    first = 0
    for resolution in parts.synthesis.resolutions:
        starts = parts.synthesis.get_submodule(f"b{resolution}").starts
        layers = ("conv1", "torgb") if starts else ("conv0", "conv1", "torgb")
        if block == f"b{resolution}":
            return first + (layers.index(layer) if layer in layers else 0)
        first += len(layers) - 1
    raise KeyError(name)


def select_rows(
    generator: Generator, sources: SourceCache, parts: Parts, loss: Callable[[Tensor], Tensor], count: int
) -> set[int]:
    """The rows of W+ whose latents move most in one step of gradient descent on a global loss of the images.

    StyleGAN-NADA takes SGD steps of rate 0.01 on eight latents; one step on four is ours. The last row is -1.
    """
    count_of_codes = min(CODES, len(sources))
    # One at a time, or choosing layers would need more memory than training does.
    gradients = [_gradient(generator, sources, k, parts, loss) / count_of_codes for k in range(count_of_codes)]
    distance = (LEARNING_RATE * torch.cat(gradients)).norm(dim=-1).mean(dim=0)
    best = distance.topk(min(count, len(distance))).indices.tolist()
    return {-1 if row == len(distance) - 1 else row for row in best}


def _gradient(
    generator: Generator, sources: SourceCache, place: int, parts: Parts, loss: Callable[[Tensor], Tensor]
) -> Tensor:
    """The gradient of the loss of one source's target with respect to its ws [1, num_ws, w]."""
    one = slice(place, place + 1)
    with torch.enable_grad():
        ws = sources.ws[one].clone().requires_grad_()
        alone = dataclasses.replace(
            sources, latents=sources.latents[one], cameras=sources.cameras[one], ws=ws, samples=sources.samples[one]
        )
        features = alone.target_features(generator, slice(None), parts)
        images = generator.superresolve(features, alone.target_ws(slice(None), parts), parts)
        (gradient,) = torch.autograd.grad(loss(images), ws)
    return gradient
