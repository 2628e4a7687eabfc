"""Where along a ray the field is read: stratified coarse depths, then depths where the weight is (NeRF, Section 5.2).

EG3D draws both at random; here both follow fixed rules by default, so that a call always gives the same pixels.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F


def stratified_depths(
    start: Tensor,
    end: Tensor,
    count: int,
    *,
    disparity: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Coarse depths [N, M, count] between ``start`` and ``end`` [N, M, 1].

    EG3D's rule: a closed, even division plus a jitter of up to one whole step, so the last sample may lie beyond
    ``end``. Without a generator the jitter is half a step.
    """
    step = torch.arange(count, device=start.device, dtype=start.dtype) / (count - 1)
    shape = (*start.shape[:-1], count)
    if generator is None:
        jitter = torch.full(shape, 0.5, device=start.device)
    else:
        jitter = torch.rand(shape, generator=generator, device=generator.device).to(start.device)
    t = step + jitter / (count - 1)
    if disparity:
        return 1 / ((1 - t) / start + t / end)
    return start + t * (end - start)


def importance_draws(count: int, rule: Literal["closed", "centred"], device: torch.device | str = "cpu") -> Tensor:
    """An even division [count] of [0, 1] for `importance_depths`: ``closed`` includes both ends, ``centred`` none."""
    if rule == "closed":
        return torch.linspace(0, 1, count, device=device)
    return (torch.arange(count, device=device) + 0.5) / count


@torch.no_grad()
def importance_depths(
    depths: Tensor, weights: Tensor, draws: Tensor, *, bins: Literal["official", "aligned"] = "official"
) -> Tensor:
    """Fine depths [N, M, F], where the coarse ``weights`` lie. Carries no gradient.

    Args:
        depths: sorted coarse depths [N, M, S].
        weights: marching weights of the S - 1 intervals [N, M, S - 1].
        draws: [N, M, F] in [0, 1], or [F] for all rays.
        bins: ``official`` governs each bin by the weight half a bin further away, as EG3D does.
    """
    size = depths.shape[-1]
    flat = weights.reshape(-1, 1, size - 1)
    smooth = F.avg_pool1d(F.max_pool1d(flat, 2, stride=1, padding=1), 2, stride=1)[:, 0] + 0.01
    edges = ((depths[..., 1:] + depths[..., :-1]) / 2).reshape(-1, size - 1)
    density = smooth[:, 1:-1] + 1e-5
    if bins == "aligned":
        edges = (edges[:, 1:] + edges[:, :-1]) / 2
    cdf = F.pad((density / density.sum(dim=1, keepdim=True)).cumsum(dim=1), (1, 0))
    u = draws.expand(*depths.shape[:-1], -1).reshape(len(flat), -1).contiguous()
    index = torch.searchsorted(cdf, u, right=True)
    below, above = (index - 1).clamp(min=0), index.clamp(max=cdf.shape[1] - 1)
    cdf_below, cdf_above = cdf.gather(1, below), cdf.gather(1, above)
    edge_below, edge_above = edges.gather(1, below), edges.gather(1, above)
    width = cdf_above - cdf_below
    width = torch.where(width < 1e-5, torch.ones_like(width), width)
    fine = edge_below + (u - cdf_below) / width * (edge_above - edge_below)
    return fine.unflatten(0, depths.shape[:-1])
