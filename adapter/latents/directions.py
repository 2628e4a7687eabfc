"""Named edits of people: directions in a base's latent space that change one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from adapter.eg3d import Generator
from adapter.errors import UserError
from adapter.latents.people import spread_over_rows
from adapter.utils.paths import CHECKPOINTS
from adapter.utils.storage import read_json, read_tensors, write_json, write_tensors

FILE, VECTORS = "directions.json", "directions.safetensors"
"""Names and words; and, for edits that move groups of rows, their vectors [A, G, w] under "vectors"."""
LIMIT = 2.5
"""Largest coordinate that an edit sets, in standard deviations."""


@dataclass(frozen=True)
class Direction:
    """One edit.

    Attributes:
        name: what it is called.
        low, high: what a person becomes at the two ends, as words.
    """

    name: str
    low: str
    high: str


@dataclass(frozen=True)
class Directions:
    """The edits of a base.

    Attributes:
        space: "z" for directions of latents, "w" for directions of extended latents.
        all: what they are, in order.
        vectors: in z orthonormal [A, z]; in w of the length of one standard deviation [A, num_ws, w], or
            [A, 1, w] where all rows move alike; as a file has them, [A, G, w] for groups of rows.
    """

    space: Literal["z", "w"]
    all: tuple[Direction, ...]
    vectors: Tensor

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the edits."""
        return tuple(one.name for one in self.all)

    def index(self, name: str) -> int:
        """Position of a direction.

        Raises:
            UserError: no such direction.
        """
        if name not in self.names:
            raise UserError(f"There is no edit named {name!r} for this base. Choose from: {', '.join(self.names)}.")
        return self.names.index(name)


def load_directions(base: str | Path) -> Directions | None:
    """The named edits of an embedded base or of a folder, None where it has none.

    Raises:
        UserError: a damaged file.
    """
    path = CHECKPOINTS / str(base) / FILE
    path = path if path.is_file() else Path(base) / FILE
    if not path.is_file():
        return None
    values = read_json(path)
    try:
        entries = values["directions"]
        found = tuple(Direction(str(e["name"]), str(e["low"]), str(e["high"])) for e in entries)
        beside = path.with_name(VECTORS)
        apart = beside.is_file() and not any("vector" in e for e in entries)
        vectors = _apart(beside, len(found)) if apart else torch.tensor([e["vector"] for e in entries])
        space = str(values.get("space", "z"))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path.parent.name}/{FILE} is damaged. Get a fresh copy.") from error
    vectors = vectors.float()
    if space == "w" and vectors.dim() in (2, 3) and torch.isfinite(vectors).all():
        return Directions("w", found, vectors[:, None] if vectors.dim() == 2 else vectors)
    gram = vectors @ vectors.T if vectors.dim() == 2 else None
    if gram is None or not torch.allclose(gram, torch.eye(len(vectors)), atol=1e-3):
        raise UserError(f"{path.parent.name}/{FILE} holds directions that are not orthonormal. Get a fresh copy.")
    return Directions("z", found, vectors)


def available(base: str | Path) -> tuple[str, ...]:
    """Names of the edits of a base; empty where it has none.

    Raises:
        UserError: a damaged file.
    """
    directions = load_directions(base)
    return () if directions is None else directions.names


def read(z: Tensor, directions: Directions) -> dict[str, Tensor]:
    """Where people stand along each direction: [N] by name, about N(0, 1) over random latents z [N, z]."""
    return dict(zip(directions.names, (_unit_rms(z) @ directions.vectors.T.to(z)).T, strict=True))


def edit(z: Tensor, amounts: Mapping[str, float], directions: Directions) -> Tensor:
    """Move people along named directions and leave everything else that has a name as it is.

    The mapping network divides a latent by its root mean square, so a longer coordinate would shrink all others.
    What is added is therefore taken from the coordinates without a name (ours).

    Args:
        z: latents [N, z].
        amounts: change by name in standard deviations; a coordinate is moved no further than +-`LIMIT` by it.
        directions: of the base, in z.

    Returns:
        [N, z] of root mean square 1; where no amount differs from zero, z as it is.

    Raises:
        UserError: an unknown name, or an amount that is not a number.
        ValueError: directions in w, or of another length than z.
    """
    if directions.space != "z" or directions.vectors.shape[-1] != z.shape[-1]:
        raise ValueError("These directions are not of the space of these latents.")
    changes = _changes(amounts, directions).to(z)
    if not changes.any():
        return z
    vectors = directions.vectors.to(z)
    unit = _unit_rms(z)
    named = unit @ vectors.T
    rest = unit - named @ vectors
    moved = (named + changes).clamp(torch.minimum(named, -torch.full_like(named, LIMIT)), named.clamp_min(LIMIT))
    wanted = (z.shape[-1] - moved.square().sum(-1, keepdim=True)).clamp_min(1e-3).sqrt()
    rest = rest / rest.norm(dim=-1, keepdim=True).clamp_min(1e-6) * wanted
    return moved @ vectors + rest


def directions_in_w(generator: Generator, base: str | Path) -> Directions | None:
    """The edits of a base for extended latents, None where it has none.

    Raises:
        UserError: a damaged file, or one for another base.
    """
    directions = load_directions(base)
    if directions is None:
        return None
    width = generator.config.z_dim if directions.space == "z" else generator.config.w_dim
    if directions.vectors.shape[-1] != width:
        raise UserError(f"{FILE} of the base '{Path(base).name}' was made for another base. Find its directions anew.")
    if directions.space == "z":
        return in_w(generator, directions)
    rows = directions.vectors
    rows = rows if rows.shape[1] == 1 else spread_over_rows(rows, generator.config.num_ws)
    return Directions("w", directions.all, rows)


@torch.no_grad()
def in_w(generator: Generator, directions: Directions, people: int = 128, seed: int = 0) -> Directions:
    """The same edits for extended latents, so that people who were found by inversion can be edited.

    Ours: the mean change of w over random people between one standard deviation below and one above.

    Args:
        generator: the base.
        directions: its edits in z.
        people: how many to average over.
        seed: of those people.
    """
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(people, generator.config.z_dim, generator=random).to(next(generator.parameters()).device)
    here = read(z, directions)
    vectors = []
    for name in directions.names:
        up, down = (_at(z, name, here[name], value, directions) for value in (1.0, -1.0))
        vectors.append((generator.sample_ws(up) - generator.sample_ws(down)).mean(0) / 2)
    return Directions("w", directions.all, torch.stack(vectors))


def edit_codes(ws: Tensor, amounts: Mapping[str, float], directions: Directions) -> Tensor:
    """Move extended latents [N, num_ws, w] along directions that `in_w` gave, in standard deviations.

    Raises:
        UserError: an unknown name, or an amount that is not a number.
        ValueError: directions in z.
    """
    if directions.space != "w":
        raise ValueError("These directions are not of the space of extended latents.")
    return ws + torch.einsum("a,arw->rw", _changes(amounts, directions).to(ws), directions.vectors.to(ws))


def entries(names: Sequence[str], ends: Mapping[str, tuple[str, str]], vectors: Tensor) -> list[dict]:
    """What a `FILE` lists under "directions".

    Args:
        names: of the directions.
        ends: words for low and high by name.
        vectors: orthonormal [A, z].
    """
    return [
        {"name": name, "low": ends[name][0], "high": ends[name][1], "vector": [round(v, 7) for v in vector]}
        for name, vector in zip(names, vectors.tolist(), strict=True)
    ]


def save_directions(folder: Path, found: Sequence[tuple[Direction, Tensor]], about: Mapping[str, object]) -> Path:
    """Write a base's edits in w beside it.

    Args:
        folder: to write to.
        found: edits with their vectors [G, w] for groups of rows, or [1, w] for all alike.
        about: what else the file tells.

    Returns:
        The file with the names.
    """
    entries = [{"name": one.name, "low": one.low, "high": one.high} for one, _ in found]
    write_tensors(folder / VECTORS, {"vectors": torch.stack([vector for _, vector in found]).half()})
    write_json(folder / FILE, {"space": "w", **about, "directions": entries})
    return folder / FILE


def _apart(path: Path, count: int) -> Tensor:
    """The vectors [A, G, w] of a file of their own.

    Raises:
        UserError: a damaged file.
        ValueError: of another number of edits.
    """
    vectors = read_tensors(path).get("vectors")
    if vectors is None or vectors.dim() != 3 or len(vectors) != count:
        raise ValueError
    return vectors


def _at(z: Tensor, name: str, here: Tensor, value: float, directions: Directions) -> Tensor:
    """Everyone with one coordinate at a value."""
    moves = [edit(one[None], {name: value - float(now)}, directions) for one, now in zip(z, here, strict=True)]
    return torch.cat(moves)


def _changes(amounts: Mapping[str, float], directions: Directions) -> Tensor:
    changes = torch.zeros(len(directions.all))
    for name, amount in amounts.items():
        changes[directions.index(name)] = float(amount)
    if not torch.isfinite(changes).all():
        raise UserError("An edit's amount is not a number. Choose one between -3 and 3.")
    return changes


def _unit_rms(z: Tensor) -> Tensor:
    return z / z.square().mean(-1, keepdim=True).add(1e-12).sqrt()
