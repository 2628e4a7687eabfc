"""Edits of a base, found by what renders of random people show.

Measures of the mesh and of the picture, and labels that somebody gave, are regressed on w. The edit of a measure is
the likeliest change of w that moves it by one standard deviation and leaves all other measures where they are: with w
distributed as N(m, S) and measures A w, that is S A (A' S A)^-1 e (ours). Where no face can be read, SeFa's directions
(Shen and Zhou 2021: what the affine layers amplify most) or principal axes of w (GANSpace, Härkönen et al. 2020) take
the place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front
from adapter.errors import UserError
from adapter.latents.latent_space import LatentSpace
from adapter.latents.measures import MEASURES, measure
from adapter.media.images import to_uint8
from adapter.utils.storage import read_json

RIDGE = 0.1
"""Of the regressions, as a share of the mean squared length of w; chosen by cross-validation on `faces`."""
HOLD = 0.3
"""How little an edit insists on holding other measures; 0 holds them exactly."""
LONGEST = 2.0
"""Length of an edit of one standard deviation at most, in standard deviations of the people along it."""
LEAST_FIT = 0.15
"""Cross-validated share of a measure's variance below which w does not tell it, and no edit is offered."""
LABELLED = 240
"""People of seed 0 that are there for labels, whether they are rendered or not."""
LABELS = "labels.json"
"""Beside a base: {"labels": [{"name", "low", "high", "values"}]}, a number or null for each of the first people."""
_FOLDS = 5
_TELLS = 0.5  # change of a measure, in standard deviations, from which a direction is named after it


@dataclass(frozen=True)
class Found:
    """An edit that was found.

    Attributes:
        name, low, high: as of `adapter.latents.directions.Direction`.
        vector: [w], of one standard deviation of its measure.
        fit: share of the measure's variance that w explains, cross-validated; 1 where nothing was measured.
    """

    name: str
    low: str
    high: str
    vector: Tensor
    fit: float


@torch.no_grad()
def draw_people(generator: Generator, count: int, seed: int = 0) -> Iterator[Tensor]:
    """Random people: ws [1, num_ws, w] of each; more people with the same seed begin with the same ones."""
    random = torch.Generator().manual_seed(seed)
    for _ in range(count):
        yield generator.sample_ws(torch.randn(1, generator.config.z_dim, generator=random))


@torch.no_grad()
def render_people(generator: Generator, count: int, seed: int = 0) -> Iterator[NDArray[np.uint8]]:
    """The same people from the front: a picture uint8 [S, S, 3] of each."""
    camera = cameras_around_front(generator.config, torch.zeros(1)).to(generator.device)
    for ws in draw_people(generator, count, seed):
        yield to_uint8(generator.synthesis(ws, camera).image)[0]


@dataclass(frozen=True)
class Measured:
    """What is known about random people.

    Attributes:
        w: of the people [N, w].
        values: what was measured or labelled [N, M]; NaN where unknown.
        about: name, low and high of each of the M.
    """

    w: Tensor
    values: NDArray[np.float64]
    about: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(
        cls,
        generator: Generator,
        count: int,
        seed: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> "Measured":
        """Render and measure random people.

        Args:
            generator: the base.
            count: how many.
            seed: of the people.
            progress: is told how many of how many are done.
        """
        values = []
        for done, picture in enumerate(render_people(generator, count, seed), start=1):
            values.append(measure(picture))
            if progress is not None:
                progress(done, count)
        unmeasured = np.full((max(0, LABELLED - count), len(MEASURES)), np.nan)
        w = torch.stack([ws[0, 0].cpu() for ws in draw_people(generator, count + len(unmeasured), seed)])
        about = tuple((each.name, each.low, each.high) for each in MEASURES)
        return cls(w, np.concatenate([np.stack(values), unmeasured]), about)

    def with_labels(self, path: Path) -> "Measured":
        """Add what somebody said about the first of the people, from a `LABELS` file; the same where there is none.

        Raises:
            UserError: a damaged file.
        """
        if not path.is_file():
            return self
        try:
            labels = [
                (
                    str(one["name"]),
                    str(one["low"]),
                    str(one["high"]),
                    [np.nan if v is None else float(v) for v in one["values"]],
                )
                for one in read_json(path)["labels"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path.name} is damaged. Get a fresh copy.") from error
        columns = np.full((len(self.w), len(labels)), np.nan)
        for column, (*_, values) in enumerate(labels):
            known = min(len(values), len(columns))
            columns[:known, column] = values[:known]
        about = (*self.about, *((name, low, high) for name, low, high, _ in labels))
        return Measured(self.w, np.concatenate([self.values, columns], axis=1), about)


def find(
    generator: Generator,
    measured: Measured,
    method: str = "measures",
    count: int = 12,
    jacobian: NDArray[np.float64] | None = None,
) -> tuple[Found, ...]:
    """The edits of a base.

    Args:
        generator: the base.
        measured: of its people.
        method: "measures", "sefa" or "axes".
        count: directions of the last two.
        jacobian: of `adapter.latents.responses.axis_responses` [axes, M]; takes the regression's place where it is
            given.
    """
    space = LatentSpace.of(generator)
    space = LatentSpace(space.mean.cpu(), space.axes.cpu())
    edits, readers = _regress(space, measured, jacobian)
    if method == "measures":
        return edits
    found = by_sefa(generator, space, count) if method == "sefa" else by_axes(space, count)
    named = {one.name: (one, reader.float()) for one, reader in zip(edits, readers, strict=True)}
    return named_by(found, space, named)


def _regress(
    space: LatentSpace, measured: Measured, jacobian: NDArray[np.float64] | None = None
) -> tuple[tuple[Found, ...], Tensor]:
    """An edit for each measure that w tells, and how each of them is read of coordinates [K, w]."""
    # In w itself, where what people differ in most counts most: all axes alike would need far more people.
    x, axes = (measured.w - space.mean).double(), space.axes.double()
    fits, kept, rows = [], [], []
    for column, about in enumerate(measured.about):
        known = np.isfinite(measured.values[:, column])
        y = torch.from_numpy(measured.values[known, column])
        if known.sum() < 2 * _FOLDS or float(y.std()) == 0:
            continue
        y = (y - y.mean()) / y.std()
        fit = _cross_validated(x[known], y)
        if fit >= LEAST_FIT:
            kept.append(about)
            fits.append(fit)
            row = axes @ _ridge(x[known], y)
            if jacobian is not None and column < jacobian.shape[1]:
                row = torch.zeros_like(row)
                row[: len(jacobian)] = torch.from_numpy(jacobian[:, column] / measured.values[known, column].std())
            rows.append(row)
    if not rows:
        return (), x.new_zeros(0, x.shape[1])
    readers = torch.stack(rows)
    # In coordinates along the principal axes, the people's covariance is 1.
    vectors = (_movers(readers).float() @ space.axes).unbind()
    found = tuple(Found(*about, vector, fit) for about, vector, fit in zip(kept, vectors, fits, strict=True))
    return found, readers


def by_axes(space: LatentSpace, count: int) -> tuple[Found, ...]:
    """The principal axes of w that people differ most along (GANSpace), without words for what they change."""
    names = [f"axis_{k + 1}" for k in range(count)]
    return tuple(
        Found(name, "one way", "the other way", axis, 1.0) for name, axis in zip(names, space.axes[:count], strict=True)
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
        Found(name, "one way", "the other way", vector, 1.0)
        for name, vector in zip(names, directions * spread, strict=True)
    )


def named_by(
    found: Sequence[Found], space: LatentSpace, readers: Mapping[str, tuple[Found, Tensor]]
) -> tuple[Found, ...]:
    """Name directions by the measure that each of them changes most; one that no measure tells keeps its name.

    Args:
        found: of `by_axes` or `by_sefa`.
        space: of the base.
        readers: by the measure's name, its edit and how the measure is read of coordinates [w].
    """
    named: dict[str, Found] = {}
    for one in found:
        coordinates = space.to_coordinates(space.mean + one.vector)
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
    """Changes of coordinates [K, w] that move one reader [K, w] each by 1, and the others as little as is likely.

    To hold others exactly would take people far from anybody where readers agree in part, so it is traded against the
    length, which is limited, too.
    """
    shared = readers @ readers.T
    movers = torch.linalg.solve(shared + HOLD * shared.diagonal().diag(), readers)
    movers = movers / (movers * readers).sum(dim=1, keepdim=True)
    return movers * (LONGEST / movers.norm(dim=1, keepdim=True)).clamp_max(1)


def _ridge(x: Tensor, y: Tensor) -> Tensor:
    """Coefficients [w] of a ridge regression of y [N] on x [N, w], solved for the people, who are fewer than the w."""
    kernel = x @ x.T
    pull = RIDGE * kernel.diagonal().mean()
    return x.T @ torch.linalg.solve(kernel + pull * torch.eye(len(x), dtype=x.dtype), y)


def _cross_validated(x: Tensor, y: Tensor) -> float:
    """Share of the variance of y that a regression explains on people it was not fitted to."""
    fold = torch.arange(len(y)) % _FOLDS
    predicted = torch.empty_like(y)
    for k in range(_FOLDS):
        predicted[fold == k] = x[fold == k] @ _ridge(x[fold != k], y[fold != k])
    return float(1 - (predicted - y).square().mean() / y.square().mean())
