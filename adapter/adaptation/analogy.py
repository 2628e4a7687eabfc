"""Image analogies: what the reference shows somewhere is wanted at the like places of every source.

A : A' :: B : B'. The reference A' has a twin A among the base's own people. A place of a source B is like those places
of A that show the same point of a head, the same kind of token and the same colour; what A' shows there, averaged, is
the guide for the target B'. The question is Hertzmann et al.'s (2001), with deep features Liao et al.'s (2017); this
answer is ours.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter import losses
from adapter.adaptation.source_cache import Pool, cameras_around_front, see
from adapter.eg3d import Generator
from adapter.eg3d.rays import camera_rays
from adapter.encoders.encoder import ImageEncoder
from adapter.methods.schema import LossTerm

TWIN_PSI = 0.8
"""Truncation of the twins: an encoder is less sure of a painting than of a photo."""
SURFACE, OPACITY, PLACE = 4.0, 3.0, 1.0
"""Weights of a point's position in world units, of opacity, and of the place in the picture behind the head."""
SOFTNESS = 0.15
"""Half the squared distance of descriptors at which a place counts 1/e as much as the likest."""


@torch.no_grad()
def find_twins(
    generator: Generator,
    encoders: Sequence[ImageEncoder],
    layers: Sequence[str | int],
    references: Tensor,
    inverter: Callable[[Tensor], Tensor] | None,
) -> Pool | None:
    """The base's people that a W+ encoder sees in references [K, 3, H, W]; None where it sees none to be rendered.

    Args:
        inverter: of `adapter.latents.wplus_encoder`; one whose latents are not this base's own finds nobody.
        encoders, layers: look at the twins.
    """
    if not getattr(inverter, "renders", False):
        return None
    ws, angles = inverter.look(references)
    mean = generator.backbone.mapping.w_avg
    ws = mean + TWIN_PSI * (ws - mean)
    cameras = cameras_around_front(generator.config, angles[:, 0], angles[:, 1]).to(ws)
    # No z is known of them, and nothing asks for it.
    return see(generator, encoders, layers, ws[:, 0], ws, cameras, embedding=False)


@torch.no_grad()
def guides(pool: Pool, twins: Pool, references: Tensor, term: LossTerm) -> Tensor:
    """The colours [n, T, 3] that each pair of a pool should have, on the term's grid.

    Args:
        pool: the sources B.
        twins: A, for each reference the base's person that is most like it, seen from the same camera.
        references: A' [K, 3, H, W].
        term: its side, and the layers of the first encoder whose tokens tell what a place shows.
    """
    side = min(term.side, pool.images.shape[-1])
    centres = _centres(pool, term)
    known = _descriptors(twins, slice(None), term, centres, side).flatten(0, 1)
    colours = losses.grid_points(_resized(references, side), side).flatten(0, 1)
    # One source at a time: all pairs of places are T * K * T numbers.
    asked = (_descriptors(pool, [i], term, centres, side)[0] for i in range(len(pool)))
    return torch.stack([losses.analogy(one, known, colours, SOFTNESS) for one in asked])


def _centres(pool: Pool, term: LossTerm) -> list[Tensor]:
    maps = [pool.features, *(_map(pool.seen[0].tokens[layer]) for layer in term.layers)]
    return [one.mean(dim=(0, 2, 3), keepdim=True) for one in maps]


def _descriptors(pool: Pool, index: slice | list[int], term: LossTerm, centres: list[Tensor], side: int) -> Tensor:
    """What the places of some pairs show [n, T, D]."""
    opacity = pool.opacity[index]
    origins, directions = camera_rays(pool.cameras[index], opacity.shape[-1])
    surface = origins + directions * pool.depth[index].flatten(2).transpose(1, 2)
    surface = surface.transpose(1, 2).unflatten(2, opacity.shape[-2:])
    place = losses.grid_places(side**2).T.unflatten(1, (side, side)).to(surface)
    clear = 1 - F.adaptive_avg_pool2d(opacity, side)
    kinds = [pool.features[index], *(_map(pool.seen[0].tokens[layer][index]) for layer in term.layers)]
    parts = [
        SURFACE * F.adaptive_avg_pool2d(opacity * surface, side),
        OPACITY * clear,
        PLACE * clear * place,
        F.adaptive_avg_pool2d(pool.images[index], side),
        *(losses.unit(_resized(kind - centre, side), dim=1) for kind, centre in zip(kinds, centres, strict=True)),
    ]
    return losses.grid_points(torch.cat(parts, dim=1), side)


def _map(tokens: Tensor) -> Tensor:
    """Tokens [n, T, C] as [n, C, S, S]."""
    side = round(tokens.shape[1] ** 0.5)
    return tokens.transpose(1, 2).unflatten(2, (side, side))


def _resized(maps: Tensor, side: int) -> Tensor:
    if maps.shape[-1] >= side:
        return F.adaptive_avg_pool2d(maps, side)
    return F.interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)
