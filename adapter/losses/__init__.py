"""The losses of the adaptation: pure functions, and one registered class for each name of `adapter.methods`.

To add a loss: its options in `adapter.methods.loss_terms`, its class in a file of its own here, and its import below.
"""

from adapter.losses import (
    adversarial,
    analogy,
    background,
    consistency,
    directional,
    distillation,
    distribution,
    mesh_guide,
    moments,
    structure,
    token_distribution,
    view_consistency,
)
from adapter.losses.base import REGISTRY, Batch, Loss, LossContext, Sources, make_loss

__all__ = [
    "REGISTRY",
    "Batch",
    "Loss",
    "LossContext",
    "Sources",
    "adversarial",
    "analogy",
    "background",
    "consistency",
    "directional",
    "distillation",
    "distribution",
    "make_loss",
    "mesh_guide",
    "moments",
    "structure",
    "token_distribution",
    "view_consistency",
]
