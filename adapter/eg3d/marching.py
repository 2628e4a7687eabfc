"""Volume rendering along rays: densities to weights, weights to features and depth."""

import torch
from torch import Tensor
from torch.nn import functional as F


def march_weights(densities: Tensor, depths: Tensor) -> Tensor:
    """Weights [..., S - 1] of the intervals between sorted samples (EG3D's mid-point rule).

    Args:
        densities: raw densities [..., S]; softplus(sigma - 1) applies to the mid-points.
        depths: sorted distances [..., S].
    """
    middle = (densities[..., 1:] + densities[..., :-1]) / 2
    alpha = 1 - torch.exp(-F.softplus(middle - 1) * (depths[..., 1:] - depths[..., :-1]))
    clear = torch.cumprod(1 - alpha + 1e-10, dim=-1)
    return alpha * F.pad(clear[..., :-1], (1, 0), value=1.0)


def sample_weights(intervals: Tensor) -> Tensor:
    """Weights [..., S] of the samples themselves, from those of the intervals between them [..., S - 1].

    An interval takes the mean of its two ends, so compositing mid-points equals compositing samples with these.
    """
    return (F.pad(intervals, (1, 0)) + F.pad(intervals, (0, 1))) / 2


def composite(
    densities: Tensor, colours: Tensor, depths: Tensor, order: Tensor | None, background: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """March rays.

    Args:
        densities: [N, M, S] raw.
        colours: [N, M, S, F].
        depths: [N, M, S] distances.
        order: indices [N, M, S] that sort the samples by depth; None where they are sorted. Only densities and
            depths are reordered: the weights go back to the colours, which is cheaper and exact.
        background: colours seen where nothing is hit, in [0, 1], broadcast to [N, M, F]; none where None.

    Returns:
        Features [N, M, F] in about [-1, 1], expected depth [N, M] (NaN where nothing was hit), opacity [N, M].
    """
    if order is not None:
        densities, depths = densities.gather(-1, order), depths.gather(-1, order)
    intervals = march_weights(densities, depths)
    opacity = intervals.sum(dim=-1)
    middles = (depths[..., 1:] + depths[..., :-1]) / 2
    depth = (intervals * middles).sum(dim=-1) / opacity
    weights = sample_weights(intervals)
    if order is not None:
        weights = torch.zeros_like(weights).scatter(-1, order, weights)
    features = (weights[..., None, :] @ colours).squeeze(-2)
    if background is not None:
        features = features + (1 - opacity)[..., None] * background
    return features * 2 - 1, depth, opacity


def bound_depth(depth: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Replace undefined depths by infinity, then limit all to [low, high]."""
    return depth.nan_to_num(nan=float("inf")).clamp(low, high)
