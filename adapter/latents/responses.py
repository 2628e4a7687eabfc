"""What moves of w change of people, measured on their renders.

A regression of measures on w tells how people differ, and that is not quite what a render does when one w moves: edits
that look apart in the regression may do the same to a face. So the longest axes of w are tried on a few people, and all
measures are read of the renders: the Jacobian of what is measured, by central differences (ours).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapter.eg3d import Generator, Parts
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.samples import Samples
from adapter.latents.find_directions import draw_people
from adapter.latents.latent_space import LatentSpace
from adapter.latents.measures import measure
from adapter.media.images import to_uint8

AXES, PEOPLE, SEED = 40, 2, 77
"""Principal axes that are tried, and people on whom. Responses differ little from person to person."""
AMOUNT = 1.5
"""How far either way the axes are tried, in standard deviations."""


def looks(generator: Generator, ws: Tensor, worlds: Sequence[Parts | None], yaw: float = 0.0) -> list[Tensor]:
    """One person [1, num_ws, w] in several worlds: an image [1, 3, S, S] of each; None is the base's.

    All worlds that share the base's backbone read the same samples. ``yaw`` is in radians from the front.
    """
    camera = cameras_around_front(generator.config, torch.tensor([yaw])).to(generator.device)
    samples: Samples | None = None
    images: list[Tensor] = []
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


def axis_responses(
    generator: Generator,
    space: LatentSpace,
    axes: int = AXES,
    people: int = PEOPLE,
    seed: int = SEED,
    told: Callable[[int, int], object] | None = None,
) -> NDArray[np.float64]:
    """Change of all measures by one standard deviation along each of the first principal axes of w [axes, M].

    Args:
        generator: the base.
        space: of its people.
        axes: how many; the longest ones.
        people: over whom the changes are averaged.
        seed: of these people.
        told: is told how many people of how many are done.
    """
    found = []
    everyone = list(draw_people(generator, people, seed))
    for changes in responses(generator, everyone, space.axes[:axes, None], AMOUNT):
        found.append(changes[0] / (2 * AMOUNT))
        if told is not None:
            told(len(found), people)
    # Along an axis on which no face could be read, nothing is known, and no edit goes there.
    return np.nan_to_num(np.nanmean(np.stack(found), axis=0))
