"""Ours: where the sources show background, colours are as at that place of the reference, and smooth."""

from torch import Tensor
from torch.nn import functional as F

from adapter.losses.base import Batch, Loss, LossContext, register
from adapter.losses.points import MINIMUM_NORM, grid_points
from adapter.methods import loss_terms

CERTAINTY = 4
"""Power by which only cells count that are almost surely background."""


def weighted_difference(target: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """Ours: mean absolute difference of corresponding points, each counted by its weight.

    Args:
        target: points [N, T, C].
        reference: [T, C], or [N, T, C].
        weight: not negative, [N, T].

    Returns:
        Scalar in units of the points; zero where all weights are zero.
    """
    difference = (target - reference).abs().mean(dim=2)
    return (difference * weight).sum() / weight.sum().clamp_min(MINIMUM_NORM)


def weighted_variation(images: Tensor, weight: Tensor) -> Tensor:
    """Ours: mean absolute difference of adjacent pixels, each pair counted by its smaller weight.

    Args:
        images: [N, C, H, W].
        weight: not negative, [N, 1, H, W].

    Returns:
        Scalar in units of the pixels; zero where all weights are zero.
    """
    total, weights = images.new_zeros(()), images.new_zeros(())
    for dim in (2, 3):
        size = images.shape[dim] - 1
        ahead, behind = (images.narrow(dim, start, size) for start in (1, 0))
        both = weight.narrow(dim, 1, size).minimum(weight.narrow(dim, 0, size))
        total = total + ((ahead - behind).abs().mean(dim=1, keepdim=True) * both).sum()
        weights = weights + both.sum()
    return total / weights.clamp_min(MINIMUM_NORM)


@register("background_colour")
class BackgroundColor(Loss):
    """Compares places that are background in a source and, by most of the sources, likely in the reference."""

    reads_raw = True
    term: loss_terms.BackgroundColor

    def __init__(self, term: loss_terms.BackgroundColor, context: LossContext) -> None:
        super().__init__(term, context)
        assert context.references is not None
        opacity = F.adaptive_avg_pool2d(context.sources.opacity, term.side)
        both_clear = (1 - opacity.mean(dim=0, keepdim=True)) * (1 - opacity)
        self.weight = both_clear.clamp_min(0).pow(CERTAINTY).flatten(1)
        self.reference = grid_points(context.references, term.side).mean(dim=0)

    def __call__(self, batch: Batch) -> Tensor:
        """In units of the pixels."""
        return weighted_difference(grid_points(batch.images, self.term.side), self.reference, self.weight[batch.index])


@register("background_variation")
class BackgroundVariation(Loss):
    """Colours are smooth up to the silhouette."""

    reads_raw = True

    def __call__(self, batch: Batch) -> Tensor:
        """In units of the pixels."""
        clear = (1 - self.context.sources.opacity[batch.index]).clamp_min(0).square()
        return weighted_variation(F.adaptive_avg_pool2d(batch.images, clear.shape[-1]), clear)
