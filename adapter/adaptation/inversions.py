"""The references' inversions: the base's identities that are most like them, for image analogies."""

import torch
from torch import Tensor

from adapter.adaptation.source_cache import SourceCache, SourceEncoder
from adapter.eg3d import cameras_around_front
from adapter.losses.base import Inverter

INVERSION_PSI = 0.8
"""Truncation of the inversions: an encoder is less sure of a painting than of a photo."""


@torch.no_grad()
def invert_references(source: SourceEncoder, references: Tensor, inverter: Inverter) -> SourceCache:
    """Render the identities that a W+ encoder predicts for references [K, 3, H, W], from the predicted cameras."""
    generator = source.generator
    ws, angles = inverter.predict(references)
    mean = generator.backbone.mapping.w_avg
    ws = mean + INVERSION_PSI * (ws - mean)
    cameras = cameras_around_front(generator.config, angles[:, 0], angles[:, 1]).to(ws)
    # Their z is unknown and not needed: only the parts of a target read it.
    return source.encode(ws[:, 0], ws, cameras)
