"""Ours: image analogies; a place of a target has the reference's colours of the places that are like it.

A : A' :: B : B'. The reference A' has an inversion A among the base's own identities. A place of a source B is like
those places of A that show the same point of a head, the same kind of token and the same colour; the mean of what A'
shows there is the guide for the target B'. The task is Hertzmann et al.'s (2001), with deep features Liao et al.'s
(2017); this solution is ours.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.rays import camera_rays
from adapter.losses.base import Batch, Loss, LossContext, Sources, register
from adapter.losses.points import grid_places, grid_points, unit
from adapter.methods import loss_terms

SURFACE, OPACITY, PLACE = 4.0, 3.0, 1.0
"""Weights of a point's position in world units, of opacity, and of the place in the picture behind the head."""
SOFTNESS = 0.15
"""Half the squared distance of descriptors at which a place counts 1/e as much as the likest."""


def analogy(queries: Tensor, keys: Tensor, values: Tensor, softness: float) -> Tensor:
    """Ours: means of values, weighted by how like their keys are to each query.

    Args:
        queries: descriptors [T, D].
        keys: descriptors [M, D].
        values: of the keys [M, C].
        softness: half the squared distance at which a key counts 1/e as much as the likest.

    Returns:
        [T, C].
    """
    distance = torch.cdist(queries, keys).square() / 2
    return (-distance / softness).softmax(dim=1) @ values


@torch.no_grad()
def guides(sources: Sources, inversions: Sources, references: Tensor, term: loss_terms.Analogy) -> Tensor:
    """The colours [n, T, 3] that each target should have, on the term's grid.

    Args:
        sources: B.
        inversions: A, for each reference the identity that is most like it, rendered from the same camera.
        references: A' [K, 3, H, W].
        term: its side, and the layers of the first encoder whose tokens describe what a place shows.
    """
    side = min(term.side, sources.images.shape[-1])
    centers = [one.mean(dim=(0, 2, 3), keepdim=True) for one in _maps(sources, term)]
    keys = _descriptors(inversions, slice(None), term, centers, side).flatten(0, 1)
    values = grid_points(_resized(references, side), side).flatten(0, 1)
    # One source at a time: all pairs of places are T * K * T numbers.
    queries = (_descriptors(sources, slice(i, i + 1), term, centers, side)[0] for i in range(len(sources)))
    return torch.stack([analogy(one, keys, values, SOFTNESS) for one in queries])


def _maps(sources: Sources, term: loss_terms.Analogy, index: slice = slice(None)) -> list[Tensor]:
    """Rendered features and tokens as maps [n, C, S, S]."""
    tokens = [sources.encoded[0].tokens[layer][index].transpose(1, 2) for layer in term.layers]
    sides = [round(one.shape[2] ** 0.5) for one in tokens]
    return [sources.features[index], *(one.unflatten(2, (s, s)) for one, s in zip(tokens, sides, strict=True))]


def _descriptors(sources: Sources, index: slice, term: loss_terms.Analogy, centers: list[Tensor], side: int) -> Tensor:
    """What the places of some sources show [n, T, D]."""
    opacity = sources.opacity[index]
    origins, directions = camera_rays(sources.cameras[index], opacity.shape[-1])
    surface = origins + directions * sources.depth[index].flatten(2).transpose(1, 2)
    surface = surface.transpose(1, 2).unflatten(2, opacity.shape[-2:])
    place = grid_places(side**2).T.unflatten(1, (side, side)).to(surface)
    clear = 1 - F.adaptive_avg_pool2d(opacity, side)
    parts = [
        SURFACE * F.adaptive_avg_pool2d(opacity * surface, side),
        OPACITY * clear,
        PLACE * clear * place,
        F.adaptive_avg_pool2d(sources.images[index], side),
    ]
    for one, center in zip(_maps(sources, term, index), centers, strict=True):
        parts.append(unit(_resized(one - center, side), dim=1))
    return grid_points(torch.cat(parts, dim=1), side)


def _resized(maps: Tensor, side: int) -> Tensor:
    if maps.shape[-1] >= side:
        return F.adaptive_avg_pool2d(maps, side)
    return F.interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)


@register("analogy")
class Analogy(Loss):
    """Mean absolute difference to the guides."""

    term: loss_terms.Analogy

    def __init__(self, term: loss_terms.Analogy, context: LossContext) -> None:
        super().__init__(term, context)
        assert context.inversions is not None
        assert context.references is not None
        # A mirrored method has more references than inversions.
        references = context.references[: len(context.inversions)]
        self.guides = guides(context.sources, context.inversions, references, term)

    def __call__(self, batch: Batch) -> Tensor:
        """In units of the pixels."""
        return (grid_points(batch.images, self.term.side) - self.guides[batch.index]).abs().mean()
