"""What edits change of people, measured on their renders, and edits mixed so that each changes its own measure alone.

A regression of measures on w tells how people differ, and that is not quite what a render does when one w moves. So
each edit is tried on some people, all measures are read of the renders, and the edits are mixed by the inverse of what
was read (ours; the idea is that of a Jacobian's pseudo-inverse).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapter.eg3d import Generator, Parts
from adapter.eg3d.camera import cameras_around_front
from adapter.latents.measures import measure
from adapter.media.images import to_uint8

PULL = 0.15
"""Change in standard deviations below which a response is taken for noise, when edits are mixed."""


def looks(generator: Generator, ws: Tensor, worlds: Sequence[Parts | None]) -> list[Tensor]:
    """One person [1, num_ws, w] from the front in several worlds: an image [1, 3, S, S] of each; None is the base's.

    All worlds that share the base's backbone read the same samples.
    """
    camera = cameras_around_front(generator.config, torch.zeros(1)).to(generator.device)
    samples, images = None, []
    for parts in worlds:
        rows = ws if parts is None else parts.rows(ws)
        if parts is not None and parts.synthesis is not None:
            planes = generator.planes(rows, synthesis=parts.synthesis)
            features = generator.render(planes, camera, parts=parts).features
        else:
            samples = generator.sample(generator.planes(ws), camera) if samples is None else samples
            features = generator.march(samples, parts).features
        images.append(generator.superresolve(features, rows, None if parts is None else parts.superresolution))
    return images


@torch.no_grad()
def responses(
    generator: Generator,
    people: Sequence[Tensor],
    vectors: Tensor,
    amount: float,
    worlds: Sequence[Parts | None] = (None,),
    see: Callable[[int, int, Tensor], object] | None = None,
) -> Iterator[NDArray[np.float64]]:
    """Change of all measures of each person when each edit goes from -amount to amount.

    Args:
        generator: the base.
        people: ws [1, num_ws, w] of each.
        vectors: of the edits [A, 1 or num_ws, w].
        amount: how far either way, in the edits' unit.
        worlds: in which they are rendered.
        see: is given the number of the person, that of the edit, and the base's two images [2, 3, S, S].

    Yields:
        [worlds, A, M] of each person; NaN where a face could not be read.
    """
    for number, ws in enumerate(people):
        changes = []
        for edit, vector in enumerate(vectors.to(ws)):
            ends = [looks(generator, ws + sign * amount * vector, worlds) for sign in (-1, 1)]
            if see is not None:
                see(number, edit, torch.cat([end[0] for end in ends]))
            low, high = (np.stack([measure(to_uint8(image)[0]) for image in end]) for end in ends)
            changes.append(high - low)
        yield np.stack(changes, axis=1)


def untangled(vectors: Tensor, changes: NDArray[np.float64], own: Sequence[int | None]) -> Tensor:
    """Mixtures of edits, each of which moves its own measure by one and the others as little as noise allows.

    Args:
        vectors: of the edits [A, w].
        changes: of the measures by one unit of each edit [A, M], in standard deviations.
        own: the measure of each edit; None for one that no measure tells, which keeps its share and loses the others'
            measures.

    Returns:
        [A, w].
    """
    told = [edit for edit, measure_ in enumerate(own) if measure_ is not None]
    columns = [own[edit] for edit in told]
    found = torch.from_numpy(changes[:, columns]).double()
    basis = found[told]
    inverse = basis.T @ torch.linalg.inv(basis @ basis.T + PULL**2 * torch.eye(len(told), dtype=torch.float64))
    mixed = vectors.double().clone()
    for edit, measure_ in enumerate(own):
        if measure_ is not None:
            wanted = torch.zeros(len(told), dtype=torch.float64)
            wanted[told.index(edit)] = 1.0
            mixed[edit] = wanted @ inverse @ vectors[told].double()
        else:
            mixed[edit] = vectors[edit].double() - found[edit] @ inverse @ vectors[told].double()
    return mixed.to(vectors)
