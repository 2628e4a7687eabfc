"""A whole generator as a domain: the differences of all its weights to the base that it was trained from."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from adapter.adaptation.domain import Domain, DomainMetadata
from adapter.eg3d import Eg3dConfig, Generator
from adapter.errors import UserError

METHOD = "whole generator"
"""The method in the metadata of such a domain."""
_PLACES = {
    "decoder.": "decoder.",
    "superresolution.": "superresolution.",
    "backbone.synthesis.": "synthesis.",
    "backbone.mapping.": "replacement_mapping.",
}
_OF_THE_BASE = {
    "raw_resolution",
    "label_std",
    "camera_radius",
    "camera_pivot",
    "focal",
    "rendering.samples",
    "rendering.importance_samples",
    "rendering.density_noise",
    "superresolution.clamp",
    "superresolution.antialias",
}
"""Settings that may differ: the domain is rendered with the base's. Snapshots keep the resolution of their training."""


@torch.no_grad()
def domain_of(
    base: Generator, config: Eg3dConfig, tensors: Mapping[str, Tensor], metadata: DomainMetadata, source: str
) -> Domain:
    """The domain that leads from a base to another generator of its family.

    Both then render the same z with the same conditioning and camera; at strength s, every weight is
    base + s (target - base). Differences are kept in half precision, those that are zero are left out.

    Args:
        base: on the CPU.
        config, tensors: settings and state dict of the other generator.
        metadata: of the domain.
        source: how to call the other generator in messages.

    Raises:
        UserError: another family, no difference at all, or one that is not a finite fp16 number.
    """
    check_family(base.config, config, metadata.base, source)
    own, weights = base.state_dict(), {}
    for name, value in tensors.items():
        place = _place(name)
        if place is None or name not in own or own[name].shape != value.shape:
            continue
        half = (value.float() - own[name]).half()
        if not torch.isfinite(half).all():
            raise UserError(f"{source}: {name} is too far from the base's for a domain. Use a generator made from it.")
        if half.any():
            weights[place] = half
    if not weights:
        raise UserError(f"{source} is the base '{metadata.base}' itself. Choose a generator that was trained further.")
    return Domain(weights, metadata)


def check_family(base: Eg3dConfig, other: Eg3dConfig, base_name: str, source: str) -> None:
    """Check that two generators have the same networks, planes and rays.

    Raises:
        UserError: they have not; the message names the first setting that differs.
    """
    own = dict(_flat(base.to_dict()))
    for name, value in _flat(other.to_dict()):
        if name not in _OF_THE_BASE and own[name] != value:
            raise UserError(
                f"{source} is of another family than the base '{base_name}': its {name} is {value}, the base's "
                f"{own[name]}. Choose the base that it was trained from."
            )


def _place(name: str) -> str | None:
    """The name of a generator's tensor among `Parts`; None for constants."""
    if name.endswith("resample_filter"):
        return None
    return next((own + name.removeprefix(prefix) for prefix, own in _PLACES.items() if name.startswith(prefix)), None)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
