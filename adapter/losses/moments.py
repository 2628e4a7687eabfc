"""Ours: the tokens of an image have the mean and the covariance of the reference's."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from adapter.losses.base import Batch, EncodedBatch, LossContext, TokenLoss, register, total
from adapter.losses.face_view import FaceViews
from adapter.losses.points import MINIMUM_NORM, thinning
from adapter.methods import loss_terms

EMPHASIS = (1.0, 1.0, 1.0, 3.0)
"""How much a place of each of `FaceView.regions` counts."""
SMALLEST_SHARE = 0.02
"""Share of the references' pictures that a region must cover to guide."""
_TINY = 1e-6


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
    return _distance(*mean_and_covariance(target), goal_mean, goal_covariance, _scale(goal_covariance)).mean()


def weighted_moments(points: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Means [N, R, C] and covariances [N, R, C, C] of points [N, T, C] under R weightings [N, R, T]."""
    shares = weights / weights.sum(dim=-1, keepdim=True).clamp_min(_TINY)
    mean = shares @ points
    # One product each, as a tensor [N, R, T, C] would be large.
    products = [(points * share[:, :, None]).transpose(1, 2) @ points for share in shares.unbind(dim=1)]
    return mean, torch.stack(products, dim=1) - mean[..., :, None] * mean[..., None, :]


def _distance(mean: Tensor, covariance: Tensor, goal_mean: Tensor, goal_covariance: Tensor, scale: Tensor) -> Tensor:
    apart = (covariance - goal_covariance).abs().mean(dim=(-1, -2))
    return ((mean - goal_mean).square().mean(dim=-1) + apart) / scale


def _scale(covariance: Tensor) -> Tensor:
    return covariance.diagonal().mean().clamp_min(MINIMUM_NORM**2)


class _Goal(NamedTuple):
    """Moments of the references: of all, or of each region [R, C] and [R, C, C] that `counts` [R]."""

    mean: Tensor
    covariance: Tensor
    scale: Tensor
    counts: Tensor | None = None


@register("moments")
class Moments(TokenLoss):
    """The moments of an encoder's tokens; those of the references stay the same, so they are computed once."""

    term: loss_terms.Moments

    def __init__(self, term: loss_terms.Moments, context: LossContext) -> None:
        super().__init__(term, context)
        self._goals: dict[int, dict[str | int, _Goal]] = {}
        self._regions: dict[int, Tensor] = {}

    def __call__(self, batch: Batch) -> Tensor:
        """The sum over encoders and layers."""
        return total(
            self._compared(encoded.tokens("target", layer, self.term.centred), goal, batch)
            for number, encoded in enumerate(batch.encoded)
            for layer, goal in self._goals_of(number, encoded).items()
        )

    def _compared(self, target: Tensor, goal: _Goal, batch: Batch) -> Tensor:
        """The distance of target tokens [N, T, C]."""
        if goal.counts is None:
            return distance_to_moments(target, goal.mean, goal.covariance)
        some = thinning(target.shape[1], self.term.points, batch.random)
        regions = self._of_sources(math.isqrt(target.shape[1]))[batch.index][..., some]
        weights = regions.mean(dim=-1) * goal.counts
        weights = weights / weights.sum(dim=-1, keepdim=True).clamp_min(_TINY)
        distances = _distance(*weighted_moments(target[:, some], regions), goal.mean, goal.covariance, goal.scale)
        return (weights * distances).sum(dim=-1).mean()

    def _of_sources(self, side: int) -> Tensor:
        """The regions of all sources [n, 4, T]; nothing belongs to any where no face was found."""
        if side not in self._regions:
            faces = self._faces
            assert faces is not None
            nothing = faces.references[0].image.new_zeros(4, side * side)
            found = [nothing if one is None else one.regions(side) for one in faces.sources]
            self._regions[side] = torch.stack(found)
        return self._regions[side]

    @torch.no_grad()
    def _goals_of(self, number: int, encoded: EncodedBatch) -> dict[str | int, _Goal]:
        """The goals by layer, for the encoder of this number."""
        if number not in self._goals:
            tokens = {layer: encoded.tokens("reference", layer, self.term.centred) for layer in self.term.layers}
            self._goals[number] = {layer: self._of_references(one) for layer, one in tokens.items()}
        return self._goals[number]

    def _of_references(self, tokens: Tensor) -> _Goal:
        """The goal that tokens [K, T, C] of the references set."""
        points = tokens.flatten(0, 1)
        mean, covariance = mean_and_covariance(points)
        scale = _scale(covariance)
        faces = self._faces
        if faces is None:
            return _Goal(mean, covariance, scale)
        regions = torch.stack([one.regions(math.isqrt(tokens.shape[1])) for one in faces.references])
        weights = regions.transpose(0, 1).flatten(1)
        counts = (weights.mean(dim=-1) > SMALLEST_SHARE) * weights.new_tensor(EMPHASIS)
        means, covariances = weighted_moments(points[None], weights[None])
        return _Goal(means[0], covariances[0], scale, counts)

    @property
    def _faces(self) -> FaceViews | None:
        """The faces, if regions are to be compared and every reference shows a face."""
        faces, references = self.context.faces, self.context.references
        if not self.term.regions or faces is None or references is None:
            return None
        return faces if len(references) == len(faces.references) else None
