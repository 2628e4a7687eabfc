"""Edits of a base, found by what renders of random people show.

What is read of renders is regressed on the rows of extended latents, over people whose groups of rows come from
different latents: so an edit may move coarse rows one way and fine rows another. The edit of a reading is the likeliest
change of the rows that moves it by one standard deviation and hardly moves the others: with rows distributed as
N(m, S) and readings A x, that is S A (A' S A + H)^-1 e. Then the edits are tried on people and combined anew, so that
what renders show, and not the regression alone, is one thing at a time (all ours). Where no face can be read, SeFa's
directions (Shen and Zhou 2021: what the affine layers amplify most) or principal axes of w (GANSpace, Härkönen et al.
2020) take the place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from adapter.eg3d import Generator
from adapter.latents.latent_space import LatentSpace
from adapter.latents.people import GROUPS, draw_mixed_people, draw_people, looks, spread_over_rows
from adapter.latents.readings import Readings
from adapter.latents.regression import explained, ridge
from adapter.latents.responses import responses

RIDGE = 0.3
"""Of the regression, as a share of the mean squared length of x; chosen by cross-validation on `faces`."""
HOLD = 0.1
"""How little the regression's edits insist on holding other readings; 0 holds them exactly."""
LEAST_FIT = 0.1
"""Cross-validated share of a reading's variance below which rows do not tell it, and no edit is offered."""
UNIT = 0.5
"""Standard deviations of its reading by which an edit of 1 moves people; sliders end at 3, where people look real."""
LONGEST = 1.0
"""Length of an edit of 1 at most, in standard deviations of the people along it."""
MIXED_SEED, TRIED_SEED = 1, 1_000_003
"""Of the people who are measured, and of those on whom the edits are tried."""
_TELLS = 0.5  # change of a reading, in standard deviations, from which a direction is named after it


@dataclass(frozen=True)
class Found:
    """An edit that was found.

    Attributes:
        name, low, high: as of `adapter.latents.directions.Direction`.
        vector: [G, w] for groups of rows, or [1, w] for all alike; of one standard deviation of its reading.
        fit: share of the reading's variance that rows explain, cross-validated; 1 where nothing was read.
    """

    name: str
    low: str
    high: str
    vector: Tensor
    fit: float


@dataclass(frozen=True)
class Measured:
    """What was read of random people.

    Attributes:
        x: coordinates of the people along the principal axes of w [N, G, w], a row for each group of rows.
        values: what was read [N, M]; NaN where no face was found.
        about: name, low and high of each of the M.
    """

    x: Tensor
    values: NDArray[np.float64]
    about: tuple[tuple[str, str, str], ...]

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        generator: Generator,
        readings: Readings,
        count: int,
        seed: int = MIXED_SEED,
        told: Callable[[int, int], object] | None = None,
    ) -> "Measured":
        """Render random people whose groups of rows come from different latents, and read the renders.

        Args:
            generator: the base.
            readings: of the base.
            count: how many people.
            seed: of the people.
            told: is told how many of how many are done.
        """
        space, x, values = LatentSpace.of(generator), [], []
        for done, w in enumerate(draw_mixed_people(generator, count, seed), start=1):
            (image,) = looks(generator, spread_over_rows(w, generator.config.num_ws)[None], [None])
            values.append(readings.read(image))
            x.append(space.to_coordinates(w).cpu())
            if told is not None:
                told(done, count)
        return cls(torch.stack(x), np.stack(values), readings.about)


def find(generator: Generator, measured: Measured, method: str = "rows", count: int = 12) -> tuple[Found, ...]:
    """The edits of a base.

    Args:
        generator: the base.
        measured: of its people.
        method: "rows", "sefa" or "axes".
        count: directions of the last two.
    """
    space = LatentSpace.of(generator)
    space = LatentSpace(space.mean.cpu(), space.axes.cpu())
    edits, readers = _regress(space, measured)
    if method == "rows":
        return edits
    found = by_sefa(generator, space, count) if method == "sefa" else by_axes(space, count)
    named = {one.name: (one, reader.sum(dim=0)) for one, reader in zip(edits, readers, strict=True)}
    return named_by(found, space, named)


@torch.no_grad()
def told_apart(
    generator: Generator,
    found: Sequence[Found],
    readings: Readings,
    people: int,
    amount: float = 1.0,
    told: Callable[[int, int], object] | None = None,
) -> tuple[Found, ...]:
    """Combine edits anew, so that each moves its own reading by one standard deviation and the others by nothing.

    One step of Newton's method on the mean responses of renders.

    Args:
        generator: the base.
        found: edits by the regression, or by an earlier step.
        readings: of the base.
        people: on whom the edits are tried.
        amount: how far either way they are tried.
        told: is told how many people of how many are done.
    """
    own = [readings.names.index(one.name) for one in found]
    vectors = torch.stack([spread_over_rows(one.vector, generator.config.num_ws) for one in found])
    changes = []
    everyone = list(draw_people(generator, people, TRIED_SEED))
    for seen in responses(generator, everyone, vectors, amount, readings.read):
        changes.append(seen[0][:, own] / (2 * amount))
        if told is not None:
            told(len(changes), people)
    mean = torch.from_numpy(np.nan_to_num(np.nanmean(np.stack(changes), axis=0)))
    mixed = torch.linalg.lstsq(mean, torch.eye(len(found), dtype=mean.dtype)).solution
    combined = torch.einsum("ab,bgw->agw", mixed.float(), torch.stack([one.vector for one in found]))
    return tuple(replace(one, vector=vector) for one, vector in zip(found, combined, strict=True))


def scaled(found: Sequence[Found], space: LatentSpace) -> tuple[Found, ...]:
    """The edits, of `UNIT` in place of one standard deviation, and none longer than `LONGEST`."""
    space = LatentSpace(space.mean.cpu(), space.axes.cpu())
    lengths = [float(space.to_coordinates(space.mean + one.vector).square().mean(0).sum().sqrt()) for one in found]
    return tuple(
        replace(one, vector=one.vector * min(UNIT, LONGEST / max(length, 1e-6)))
        for one, length in zip(found, lengths, strict=True)
    )


def _regress(space: LatentSpace, measured: Measured) -> tuple[tuple[Found, ...], Tensor]:
    """An edit for each reading that rows tell, and how each of them is read of coordinates [K, G, w]."""
    known = np.isfinite(measured.values).all(axis=1)
    values = torch.from_numpy(measured.values[known])
    if len(values) < 2 * GROUPS or not len(measured.about):
        return (), measured.x.new_zeros(0, *measured.x.shape[1:])
    # What people differ in most counts most: all axes alike would need far more people.
    spread = space.axes.norm(dim=1).double() / space.axes.norm(dim=1).max()
    x = (measured.x[torch.from_numpy(known)].double() * spread).flatten(1)
    y = values - values.mean(dim=0)
    fits = explained(x, y, RIDGE)
    kept = [k for k, fit in enumerate(fits.tolist()) if fit >= LEAST_FIT]
    readers = (ridge(x, y[:, kept], RIDGE).T.unflatten(1, (-1, len(spread))) * spread).float()
    movers = _movers(readers.flatten(1)).view_as(readers)
    edits = (
        Found(*measured.about[k], mover @ space.axes, float(fits[k])) for k, mover in zip(kept, movers, strict=True)
    )
    return tuple(edits), readers


def by_axes(space: LatentSpace, count: int) -> tuple[Found, ...]:
    """The principal axes of w that people differ most along (GANSpace), without words for what they change."""
    names = [f"axis_{k + 1}" for k in range(count)]
    return tuple(
        Found(name, "one way", "the other way", axis[None], 1.0)
        for name, axis in zip(names, space.axes[:count], strict=True)
    )


@torch.no_grad()
def by_sefa(generator: Generator, space: LatentSpace, count: int) -> tuple[Found, ...]:
    """Directions of w that the affine layers of the backbone amplify most (Shen and Zhou 2021, eq. 4).

    Each has the length that makes one unit a standard deviation of the people along it.
    """
    layers = generator.backbone.synthesis.named_modules()
    weights = [module.weight for name, module in layers if name.endswith("affine")]
    stacked = torch.cat([F.normalize(weight.float(), dim=1) for weight in weights]).cpu()
    directions = torch.linalg.eigh(stacked.T @ stacked).eigenvectors.flip(1).T[:count]
    spread = (directions @ space.axes.T).norm(dim=1, keepdim=True)
    names = [f"sefa_{k + 1}" for k in range(count)]
    return tuple(
        Found(name, "one way", "the other way", vector[None], 1.0)
        for name, vector in zip(names, directions * spread, strict=True)
    )


def named_by(
    found: Sequence[Found], space: LatentSpace, readers: Mapping[str, tuple[Found, Tensor]]
) -> tuple[Found, ...]:
    """Name directions by the reading that each of them changes most; one that no reading tells keeps its name.

    Args:
        found: of `by_axes` or `by_sefa`.
        space: of the base.
        readers: by the reading's name, its edit and how it is read of coordinates [w].
    """
    named: dict[str, Found] = {}
    for one in found:
        coordinates = space.to_coordinates(space.mean + one.vector[0])
        changes = {name: float(reader @ coordinates) for name, (_, reader) in readers.items() if name not in named}
        best = max(changes, key=lambda name: abs(changes[name]), default="")
        if best and abs(changes[best]) > _TELLS:
            about = readers[best][0]
            sign = 1.0 if changes[best] > 0 else -1.0
            named[best] = Found(best, about.low, about.high, sign * one.vector, abs(changes[best]))
        else:
            named[one.name] = one
    return tuple(named.values())


def _movers(readers: Tensor) -> Tensor:
    """Changes of coordinates [K, D] that move one reader [K, D] each by 1, and the others as little as is likely.

    To hold others exactly would take people far from anybody where readers agree in part, so it is traded against the
    length.
    """
    shared = readers @ readers.T
    movers = torch.linalg.solve(shared + HOLD * shared.diagonal().diag(), readers)
    return movers / (movers * readers).sum(dim=1, keepdim=True)
