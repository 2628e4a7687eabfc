"""Whether the named edits of a base do one thing each, keep the person, and do the same in other worlds.

Every edit is tried on people that no regression saw. What it changes is read as `adapter.latents.readings` has it, in
standard deviations of the base's people.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d import Generator, Parts
from adapter.encoders.lpips import Lpips
from adapter.latents.directions import Directions
from adapter.latents.people import draw_people, looks
from adapter.latents.readings import Readings
from adapter.latents.responses import responses

AMOUNT = 2.0
"""How far either way the edits are tried, in their unit; the sliders reach it."""
CROWD = 256
"""People among whom an edited person must stay closest to the person."""
SEED = 2_000_003
"""Of the people; others than those that directions are found with."""
OWN_GOAL, OTHER_GOAL, IDENTITY_GOAL, CORRELATION_GOAL = 1.5, 0.2, 0.9, 0.8
_SIDE = 128
_LEAST_OWN = 1e-6
Told = Callable[[str, int, int], object]
"""Is told what is done, how many, and of how many."""


@dataclass(frozen=True)
class EditScore:
    """Of one edit from `-AMOUNT` to `AMOUNT`.

    Attributes:
        name: of the edit.
        own: mean change of its own reading in standard deviations; NaN where no reading tells the edit.
        other, other_name: the largest mean change of another reading, as a share of the own one; in standard
            deviations where no reading tells the edit.
        identified: share of edited pictures whose nearest in the crowd is the person.
        correlations: by world, of the changes of all readings of all people with those of the base's world.
    """

    name: str
    own: float
    other: float
    other_name: str
    identified: float
    correlations: Mapping[str, float]


@torch.no_grad()
def evaluate_edits(
    generator: Generator,
    directions: Directions,
    worlds: Mapping[str, Parts],
    distance: Lpips,
    readings: Readings,
    people: int = 32,
    crowd: int = CROWD,
    told: Told | None = None,
) -> tuple[EditScore, ...]:
    """Try all edits of a base.

    Args:
        generator: the base.
        directions: its edits, in w.
        worlds: domains in which the edits are tried, too, by name.
        distance: LPIPS.
        readings: of the base.
        people: on whom the edits are tried; the first of the crowd.
        crowd: people among whom the edited ones are looked for.
        told: progress.
    """
    everyone = list(draw_people(generator, max(crowd, people), SEED))
    maps = []
    for number, ws in enumerate(everyone, 1):
        (image,) = looks(generator, ws, [None])
        maps.append(distance.maps(_small(image)))
        _tell(told, "the crowd", number, len(everyone))
    identified: list[list[bool]] = [[] for _ in directions.names]

    def see(number: int, edit: int, images: Tensor) -> None:
        for image in images:
            seen = distance.maps(_small(image[None]))
            apart = [float(distance.between(seen, one)) for one in maps]
            identified[edit].append(int(np.argmin(apart)) == number)

    changes = []
    everywhere = [None, *worlds.values()]
    for one in responses(generator, everyone[:people], directions.vectors, AMOUNT, readings.read, everywhere, see):
        changes.append(one)
        _tell(told, "people", len(changes), people)
    found = np.stack(changes, axis=1)
    return tuple(
        _score(name, found[:, :, edit], identified[edit], list(worlds), readings.names)
        for edit, name in enumerate(directions.names)
    )


def _score(
    name: str,
    changes: NDArray[np.float64],
    identified: Sequence[bool],
    worlds: Sequence[str],
    names: Sequence[str],
) -> EditScore:
    """From the changes of one edit [worlds, N, M] in standard deviations, and the names of the M readings."""
    mean = np.nanmean(changes[0], axis=0)
    others = [k for k, other in enumerate(names) if other != name]
    worst = max(others, key=lambda k: abs(mean[k]))
    own = float(mean[names.index(name)]) if name in names else float("nan")
    share = float(abs(mean[worst])) / (1.0 if np.isnan(own) else max(abs(own), _LEAST_OWN))
    correlations = {world: correlation(changes[0], there) for world, there in zip(worlds, changes[1:], strict=True)}
    return EditScore(name, own, share, names[worst], float(np.mean(identified)), correlations)


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's correlation of arrays of one shape over what both know; NaN for under three values or equal ones."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3 or not a[known].std() or not b[known].std():
        return float("nan")
    return float(np.corrcoef(a[known], b[known])[0, 1])


def edits_table(scores: Sequence[EditScore]) -> str:
    """The scores as Markdown, and how many edits reach each goal."""
    worlds = list(scores[0].correlations)
    heads = ["edit", "own reading ↑", "largest other ↓", "which", "identified ↑", *(f"{name} ↑" for name in worlds)]
    lines = [f"| {' | '.join(heads)} |", f"| --- | ---: | ---: | --- | ---: |{' ---: |' * len(worlds)}"]
    for one in scores:
        told = not np.isnan(one.own)
        cells = [
            one.name,
            f"{one.own:.1f}" if told else "–",
            f"{100 * one.other:.0f} %" if told else f"{one.other:.1f}",
            one.other_name,
            f"{100 * one.identified:.0f} %",
            *(f"{value:.2f}" for value in one.correlations.values()),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_reached(scores)])


def _reached(scores: Sequence[EditScore]) -> Iterator[str]:
    measured = [one for one in scores if not np.isnan(one.own)]
    same = [value for one in scores for value in one.correlations.values()]
    yield (
        f"Own reading at least {OWN_GOAL}: {sum(one.own >= OWN_GOAL for one in measured)} of {len(measured)} edits; "
        f"all others below {OTHER_GOAL:.0%} of it: {sum(one.other < OTHER_GOAL for one in measured)}; "
        f"identified at least {IDENTITY_GOAL:.0%}: {sum(one.identified >= IDENTITY_GOAL for one in scores)} of "
        f"{len(scores)}, {np.mean([one.identified for one in scores]):.0%} together; "
        f"correlation at least {CORRELATION_GOAL}: {sum(value >= CORRELATION_GOAL for value in same)} of {len(same)}."
    )


def _small(image: Tensor) -> Tensor:
    return F.interpolate(image.clamp(-1, 1), (_SIDE, _SIDE), mode="bilinear", antialias=True)


def _tell(told: Told | None, what: str, done: int, total: int) -> None:
    if told is not None:
        told(what, done, total)
