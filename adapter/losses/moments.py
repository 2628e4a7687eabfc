"""Ours: the tokens of an image have the mean and the covariance of the reference's."""

import torch
from torch import Tensor

from adapter.losses.base import Batch, EncodedBatch, LossContext, TokenLoss, register, total
from adapter.losses.points import MINIMUM_NORM
from adapter.methods import LossTerm


def mean_and_covariance(points: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [..., C] and unbiased covariance [..., C, C] of points [..., T, C]."""
    mean = points.mean(dim=-2)
    centered = points - mean[..., None, :]
    return mean, centered.transpose(-1, -2) @ centered / (points.shape[-2] - 1)


def moments(target: Tensor, reference: Tensor) -> Tensor:
    """Ours: distance between the first two moments of each image's tokens and of the reference's.

    Squared difference of the means plus absolute difference of the covariances, both averaged over their
    entries and divided by the reference's mean variance, so that layers of any scale count alike.

    Args:
        target: tokens [N, T, C].
        reference: tokens of the reference, or of several together, [M, C].

    Returns:
        Scalar, zero where the moments agree.
    """
    return distance_to_moments(target, *mean_and_covariance(reference))


def distance_to_moments(target: Tensor, goal_mean: Tensor, goal_covariance: Tensor) -> Tensor:
    """`moments` of target tokens [N, T, C] for a reference whose mean [C] and covariance [C, C] are known."""
    mean, covariance = mean_and_covariance(target)
    scale = goal_covariance.diagonal().mean().clamp_min(MINIMUM_NORM**2)
    return ((mean - goal_mean).square().mean() + (covariance - goal_covariance).abs().mean()) / scale


@register("moments")
class Moments(TokenLoss):
    """The moments of an encoder's tokens; those of the references stay the same, so they are computed once."""

    def __init__(self, term: LossTerm, context: LossContext) -> None:
        super().__init__(term, context)
        self._goals: dict[tuple[int, str | int], tuple[Tensor, Tensor]] = {}

    def __call__(self, batch: Batch) -> Tensor:
        """The sum over encoders and layers."""
        return total(
            distance_to_moments(encoded.tokens("target", layer, self.term.centred), *self._goal(number, encoded, layer))
            for number, encoded in enumerate(batch.encoded)
            for layer in self.term.layers
        )

    @torch.no_grad()
    def _goal(self, number: int, encoded: EncodedBatch, layer: str | int) -> tuple[Tensor, Tensor]:
        if (number, layer) not in self._goals:
            tokens = encoded.tokens("reference", layer, self.term.centred)
            self._goals[number, layer] = mean_and_covariance(tokens.flatten(0, 1))
        return self._goals[number, layer]
