"""Ours: two views of an identity have the same colours where they show the same place of the head."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.reprojection import carry, shared_surface
from adapter.losses.background import weighted_difference
from adapter.losses.base import Batch, Loss, LossContext, Sources, register
from adapter.methods import loss_terms


@dataclass(frozen=True)
class ViewMatches:
    """Where the cells of each source lie in the next view of the same identity.

    Args:
        views: per identity, which follow each other.
        places: of each cell of a grid over a source in the next view [n, S, S, 2], in [-1, 1].
        weight: 1 where both show the same surface of the head, else 0 [n, S * S].
        window: cells, an odd number, over which images are averaged before they are compared: a drawing's strokes and
            grain belong to the picture, not to the head.
    """

    views: int
    places: Tensor
    weight: Tensor
    window: int

    def difference(self, images: Tensor, index: Sequence[int] | Tensor) -> Tensor:
        """Mean difference, in units of the pixels, of images [N, C, H, W] to the next views of their identities.

        Args:
            images: target images; all views of an identity follow each other.
            index: places of their sources.
        """
        images = F.adaptive_avg_pool2d(images, self.places.shape[1])
        images = F.avg_pool2d(images, self.window, stride=1, padding=self.window // 2, count_include_pad=False)
        following = images.unflatten(0, (-1, self.views)).roll(-1, dims=1).flatten(0, 1)
        carried = carry(following, self.places[index])
        here, there = (x.flatten(2).transpose(1, 2) for x in (images, carried))
        return weighted_difference(here, there, self.weight[index])


@torch.no_grad()
def match_views(sources: Sources, views: int, side: int) -> ViewMatches:
    """Match each source with the next view of its identity, by the sources' shapes.

    Args:
        sources: in groups of ``views`` that show one identity each.
        side: of a grid over the image; what is finer than its cells is not compared. Comparing at twice as many
            places, each the mean around it, leaves no seams between cells.
    """
    cells = min(2 * side, sources.images.shape[-1])
    window = 3 if cells == 2 * side else 1
    size = (cells, cells)
    depth, opacity = (F.interpolate(x, size=size, mode="bilinear") for x in (sources.depth, sources.opacity))
    following = torch.arange(len(sources)).unflatten(0, (-1, views)).roll(-1, dims=1).flatten()
    next_depth, next_opacity, next_cameras = (x[following] for x in (depth, opacity, sources.cameras))
    places, known = shared_surface(next_depth, next_opacity, next_cameras, depth, opacity, sources.cameras)
    return ViewMatches(views, places, known.float().flatten(1), window)


@register("view_consistency")
class ViewConsistency(Loss):
    """Compares every view of a batch with the next one."""

    reads_raw = True

    def __init__(self, term: loss_terms.ViewConsistency, context: LossContext) -> None:
        super().__init__(term, context)
        self.matches = match_views(context.sources, context.views, term.side)

    def __call__(self, batch: Batch) -> Tensor:
        """In units of the pixels."""
        return self.matches.difference(batch.images, batch.index)
