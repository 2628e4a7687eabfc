"""The replaceable parts of a generator: copies of its own, and more where a method trains more."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adapter.eg3d import Generator, Parts
from adapter.eg3d.layers import FullyConnected, Remodulated
from adapter.eg3d.surface_noise import noise_tile
from adapter.methods import Method
from adapter.methods.schema import is_remodulation

REMODULATION_GAIN = 0.1
"""How much a second modulation counts. DoRM has 0.005 over thousands of steps; ours for hundreds."""


@dataclass(frozen=True)
class Extent:
    """What parts hold besides decoder and super-resolution.

    Args:
        background: side of a background map that shows what the base shows; 0 for none.
        synthesis: whether a backbone of their own.
        remodulation: whether a second mapping, and a second modulation in the backbone and in super-resolution.
        replacement: whether a mapping of their own in place of the base's.
        noise: whether super-resolution reads noise of the surface, whose strengths then start from zero.
    """

    background: int = 0
    synthesis: bool = False
    remodulation: bool = False
    replacement: bool = False
    noise: bool = False

    @classmethod
    def of_weights(cls, names: Iterable[str], background: int, noise: bool = False) -> "Extent":
        """The least that has parameters of all these dotted names."""
        names = list(names)
        again = any(is_remodulation(name) for name in names)
        replaced = any(name.startswith("replacement_mapping.") for name in names)
        synthesis = again or replaced or any(name.startswith("synthesis.") for name in names)
        return cls(background, synthesis, again, replaced, noise)


def extent_of(method: Method, noise: bool = False) -> Extent:
    """What the parts that a method trains must hold."""
    return Extent(method.background, method.trains("synthesis"), method.trains("remodulation"), noise=noise)


def copy_parts(generator: Generator, extent: Extent | int = 0) -> Parts:
    """Parts equal to the generator's own.

    Args:
        extent: what else they hold; a number stands for a background map of that side and nothing else.
    """
    if isinstance(extent, int):
        extent = Extent(extent)
    parts = generator.parts()
    synthesis = mapping = replacement = None
    if extent.synthesis or extent.remodulation or extent.replacement:
        synthesis = copy.deepcopy(generator.backbone.synthesis)
    if extent.replacement:
        replacement = copy.deepcopy(generator.backbone.mapping)
    if extent.remodulation:
        mapping = copy.deepcopy(generator.backbone.mapping)
        _remodulate(synthesis, parts.superresolution)
    colors = None
    if extent.background:
        rendering = generator.config.rendering
        own = rendering.background_level if rendering.white_background else 0.0
        shape = (generator.config.feature_channels, extent.background, extent.background)
        colors = torch.full(shape, own, device=next(parts.parameters()).device)
    label = generator.frontal_conditioning() if extent.remodulation or extent.replacement else None
    tile = None
    if extent.noise:
        tile = noise_tile().to(next(parts.parameters()).device)
        set_noise_strength(parts, 0.0)
    return Parts(parts.decoder, parts.superresolution, colors, synthesis, mapping, replacement, label, tile)


@torch.no_grad()
def set_noise_strength(parts: Parts, strength: float) -> None:
    """Let every layer of super-resolution read its noise that strongly."""
    for layer in parts.superresolution.layers:
        layer.noise_strength.fill_(strength)


def _remodulate(*modules: nn.Module | None) -> None:
    """Give every layer that w modulates a second modulation."""
    layers = [layer for module in modules if module is not None for layer in module.modules()]
    for layer in layers:
        affine = getattr(layer, "affine", None)
        if isinstance(affine, FullyConnected):
            layer.affine = Remodulated(affine, REMODULATION_GAIN)


def set_parameters(parts: Parts, values: dict[str, Tensor]) -> None:
    """Copy values into the parameters of the same dotted names; the rest stays."""
    parameters = dict(parts.named_parameters())
    for name, value in values.items():
        parameters[name].data.copy_(value)
