"""Volume rendering along rays: densities to weights, weights to features and depth (NeRF, Mildenhall et al. 2020)."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Marched(NamedTuple):
    """What rays accumulate: colors [N, M, F], distance times weight [N, M], and opacity, the sum of weights [N, M]."""

    colors: Tensor
    distance: Tensor
    opacity: Tensor


def march_weights(sigma: Tensor, depths: Tensor) -> Tensor:
    """Weights [..., S - 1] of the intervals between sorted samples (NeRF, eq. 3, by EG3D's mid-point rule).

    Args:
        sigma: raw densities [..., S]; softplus(sigma - 1) applies to the mid-points.
        depths: sorted distances [..., S].
    """
    middle = (sigma[..., 1:] + sigma[..., :-1]) / 2
    alpha = 1 - torch.exp(-F.softplus(middle - 1) * (depths[..., 1:] - depths[..., :-1]))
    transmittance = torch.cumprod(1 - alpha + 1e-10, dim=-1)
    return alpha * F.pad(transmittance[..., :-1], (1, 0), value=1.0)


def sample_weights(intervals: Tensor) -> Tensor:
    """Weights [..., S] of the samples themselves, from those of the intervals between them [..., S - 1].

    An interval takes the mean of its two ends, so compositing mid-points equals compositing samples with these.
    """
    return (F.pad(intervals, (1, 0)) + F.pad(intervals, (0, 1))) / 2


def midpoints(depths: Tensor) -> Tensor:
    """Distances [..., S - 1] half-way between neighbours of [..., S]."""
    return (depths[..., 1:] + depths[..., :-1]) / 2


def accumulate(sigma: Tensor, colors: Tensor, depths: Tensor) -> Marched:
    """March rays through samples sorted by depth.

    Args:
        sigma: [N, M, S] raw.
        colors: [N, M, S, F].
        depths: [N, M, S] distances.
    """
    intervals = march_weights(sigma, depths)
    gathered = (sample_weights(intervals)[..., None, :].to(colors.dtype) @ colors).squeeze(-2)
    return Marched(gathered.float(), (intervals * midpoints(depths)).sum(dim=-1), intervals.sum(dim=-1))


def finish(marched: Marched, background: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Put the background behind what rays gathered.

    Args:
        marched: of [N, M] rays.
        background: colors seen where nothing is hit, in [0, 1], broadcast to [N, M, F]; none where None.

    Returns:
        Features [N, M, F] in about [-1, 1], expected depth [N, M] (infinite where nothing was hit), opacity [N, M].
    """
    colors, distance, opacity = marched
    # A floor under the divisor keeps gradients finite along rays that hit nothing.
    depth = torch.where(opacity > 0, distance / opacity.clamp(min=1e-12), torch.inf)
    if background is not None:
        colors = colors + (1 - opacity)[..., None] * background
    return colors * 2 - 1, depth, opacity
