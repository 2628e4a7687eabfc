"""What edits change of people, read of their renders."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapter.eg3d import Generator, Parts
from adapter.latents.people import looks


@torch.no_grad()
def responses(
    generator: Generator,
    people: Sequence[Tensor],
    vectors: Tensor,
    amount: float,
    read: Callable[[Tensor], NDArray[np.float64]],
    worlds: Sequence[Parts | None] = (None,),
    see: Callable[[int, int, Tensor], object] | None = None,
) -> Iterator[NDArray[np.float64]]:
    """Change of all readings of each person when each edit goes from -amount to amount.

    Args:
        generator: the base.
        people: ws [1, num_ws, w] of each.
        vectors: of the edits [A, 1 or num_ws, w].
        amount: how far either way, in the edits' unit.
        read: from an image [1, 3, S, S] to readings [M]; see `adapter.latents.readings.Readings.read`.
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
            low, high = (np.stack([read(image) for image in end]) for end in ends)
            changes.append(high - low)
        yield np.stack(changes, axis=1)
