"""Ours: colours and shallow tokens are distributed as the reference's, by the sliced Wasserstein distance."""

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.losses.base import Batch, Loss, LossContext, TokenLoss, register
from adapter.losses.points import MINIMUM_NORM, grid_points, thin_out, unit, with_places
from adapter.methods import loss_terms


def random_directions(channels: int, count: int, random: torch.Generator) -> Tensor:
    """Unit vectors [channels, count], uniform on the sphere, drawn from ``random`` on its device."""
    return unit(torch.randn(channels, count, generator=random, device=random.device), dim=0)


def sliced_wasserstein(target: Tensor, reference: Tensor, directions: Tensor) -> Tensor:
    """Ours: mean distance between the sorted projections of two point sets (Wasserstein-1, sliced).

    A small encoder does not pin down colours; comparing the distribution of colours or of shallow tokens
    does, without regard to positions. Sets of different size are compared at the target's quantiles.

    Args:
        target: points [N, T, C].
        reference: points of the reference, or of several together, [M, C].
        directions: unit vectors [C, K], see `random_directions`.

    Returns:
        Scalar in units of the points, zero for equal sets.
    """
    projected = (directions.T @ target.transpose(1, 2)).sort(dim=2).values
    goal = _quantiles((directions.T @ reference.T).sort(dim=1).values, projected.shape[2])
    return (projected - goal).abs().mean()


def _quantiles(ordered: Tensor, count: int) -> Tensor:
    """Resample ascending rows [K, M] to [K, count]; every member stands at the middle of its share."""
    if ordered.shape[1] == count:
        return ordered
    return F.interpolate(ordered[None], size=count, mode="linear", align_corners=False)[0]


def _distance(
    target: Tensor,
    reference: Tensor,
    term: loss_terms.ColorDistribution | loss_terms.ShallowDistribution,
    projections: int,
    random: torch.Generator,
) -> Tensor:
    """Sliced distance of two sets of images' points [N, T, C] and [K, T, C], thinned out as the term has it."""
    if term.place:
        target, reference = with_places(target, term.place), with_places(reference, term.place)
    directions = random_directions(target.shape[2], projections, random).to(target.device, non_blocking=True)
    few = thin_out(target, term.points, random)
    return sliced_wasserstein(few, thin_out(reference, term.points, random).flatten(0, 1), directions)


@register("colour_distribution")
class ColorDistribution(Loss):
    """The colours on a grid over the images."""

    reads_raw = True
    term: loss_terms.ColorDistribution

    def __init__(self, term: loss_terms.ColorDistribution, context: LossContext) -> None:
        super().__init__(term, context)
        assert context.references is not None
        self.reference = grid_points(context.references, term.side)

    def __call__(self, batch: Batch) -> Tensor:
        """In units of the pixels."""
        colors = grid_points(batch.images, self.term.side)
        return _distance(colors, self.reference, self.term, self.context.projections, batch.random)


@register("shallow_distribution")
class ShallowDistribution(TokenLoss):
    """The tokens of shallow layers, in units of the references' standard deviation."""

    term: loss_terms.ShallowDistribution

    def compare(self, target: Tensor, goal: Tensor, random: torch.Generator) -> Tensor:
        """The sliced distance."""
        scale = goal.std().clamp_min(MINIMUM_NORM)
        return _distance(target / scale, goal / scale, self.term, self.context.projections, random)
