"""Ours: the tokens of an image have the mean and the covariance of the reference's."""

import torch
from torch import Tensor

from adapter.losses.base import TokenLoss, register
from adapter.losses.points import MINIMUM_NORM


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
    mean, covariance = mean_and_covariance(target)
    goal_mean, goal_covariance = mean_and_covariance(reference)
    scale = goal_covariance.diagonal().mean().clamp_min(MINIMUM_NORM**2)
    return ((mean - goal_mean).square().mean() + (covariance - goal_covariance).abs().mean()) / scale


@register("moments")
class Moments(TokenLoss):
    """The moments of an encoder's tokens."""

    def compare(self, target: Tensor, goal: Tensor, random: torch.Generator) -> Tensor:
        """Their moments."""
        return moments(target, goal.flatten(0, 1))
