"""Views of the same people in a pool: where what one shows lies in the next."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter import losses
from adapter.adaptation.source_cache import Pool
from adapter.eg3d.reprojection import carry, shared_surface


@dataclass(frozen=True)
class ViewMatches:
    """How each pair of a pool is seen by the next view of its person.

    Args:
        views: of each person, which follow each other.
        places: where each cell of a grid over a pair lies in the next view [n, S, S, 2], in [-1, 1].
        weight: 1 where both show the same surface of the head, else 0 [n, S * S].
        window: cells, an odd number, over which images are averaged before they are compared: a drawing's strokes and
            grain belong to the picture, not to the head.
    """

    views: int
    places: Tensor
    weight: Tensor
    window: int

    def difference(self, images: Tensor, index: Sequence[int]) -> Tensor:
        """Mean difference, in units of the pixels, of a batch [N, C, H, W] to what its people's next views show.

        Args:
            images: target images; all views of a person follow each other.
            index: their places in the pool.
        """
        images = F.adaptive_avg_pool2d(images, self.places.shape[1])
        images = F.avg_pool2d(images, self.window, stride=1, padding=self.window // 2, count_include_pad=False)
        following = images.unflatten(0, (-1, self.views)).roll(-1, dims=1).flatten(0, 1)
        carried = carry(following, self.places[index])
        here, there = (x.flatten(2).transpose(1, 2) for x in (images, carried))
        return losses.weighted_difference(here, there, self.weight[index])


@torch.no_grad()
def match_views(pool: Pool, views: int, side: int) -> ViewMatches:
    """The neighbours of a pool, by the sources' shapes.

    Args:
        pool: pairs in groups of ``views`` that show one person each.
        side: of a grid over the image; what is finer than its cells is not compared. Comparing at twice as many
            places, each the mean around it, leaves no seams between cells.
    """
    cells = min(2 * side, pool.images.shape[-1])
    window = 3 if cells == 2 * side else 1
    depth, opacity = (F.interpolate(x, size=(cells, cells), mode="bilinear") for x in (pool.depth, pool.opacity))
    following = torch.arange(len(pool)).unflatten(0, (-1, views)).roll(-1, dims=1).flatten()
    next_views = (x[following] for x in (depth, opacity, pool.cameras))
    places, known = shared_surface(*next_views, depth, opacity, pool.cameras)
    return ViewMatches(views, places, known.float().flatten(1), window)
