"""Features of everyone's front picture, computed once, and how many of them training reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapter.eg3d.front import FrontReader, FrontSynthesis
from adapter.training.faces.shards import found, load

FRONTS = ("front0", "front1")
"""Names of the stored features: of the last level but one and of the last level."""
BASIS = "front_basis.npz"
KEPT = 64
"""Principal components of each level's features that are stored."""
SURVEYED_SHARDS, SURVEYED_PEOPLE = 16, 8


class Basis(NamedTuple):
    """Principal components of the two levels: means [C], and matrices [C, K] to components of unit variance."""

    means: tuple[Tensor, Tensor]
    matrices: tuple[Tensor, Tensor]

    def project(self, level: int, features: Tensor) -> Tensor:
        """Features [N, C, S, S] to components [N, K, S, S]."""
        centered = features - self.means[level][:, None, None]
        return torch.einsum("nchw,ck->nkhw", centered, self.matrices[level])

    @classmethod
    def load(cls, folder: Path) -> "Basis":
        """Read what `prepare_fronts` stored."""
        with np.load(folder / BASIS, allow_pickle=False) as stored:
            values = [torch.from_numpy(stored[f"{part}{level}"]) for part in ("mean", "matrix") for level in (0, 1)]
        return cls((values[0], values[1]), (values[2], values[3]))


def front_path(prepared: Path, stem: str, level: int) -> Path:
    """Where a shard's features of a level are stored."""
    return prepared / stem / f"{FRONTS[level]}.npy"


@torch.no_grad()
def features(synthesis: FrontSynthesis, w: Tensor) -> tuple[Tensor, Tensor]:
    """Features of neutral w [N, 512], in bfloat16 convolutions."""
    with torch.autocast("cpu", torch.bfloat16):
        before, last = synthesis(w[:, None].expand(-1, len(synthesis.levels) + 1, -1))
    return before.float(), last.float()


def find_basis(synthesis: FrontSynthesis, w: Tensor) -> dict[str, NDArray]:
    """Principal components of the features of people w [N, 512]."""
    count, sums, squares = [0, 0], [torch.zeros(()), torch.zeros(())], [torch.zeros(()), torch.zeros(())]
    for row in w:
        for level, layer in enumerate(features(synthesis, row[None])):
            rows = layer[0].flatten(1).T.double()
            count[level] += len(rows)
            sums[level] = sums[level] + rows.sum(dim=0)
            squares[level] = squares[level] + rows.T @ rows
    found_basis = {}
    for level in (0, 1):
        mean = sums[level] / count[level]
        values, vectors = torch.linalg.eigh(squares[level] / count[level] - mean[:, None] * mean)
        matrix = vectors.flip(1)[:, :KEPT] / values.flip(0)[:KEPT].sqrt()
        found_basis |= {f"mean{level}": mean.float().numpy(), f"matrix{level}": matrix.float().numpy()}
    return found_basis


def prepare_fronts(synthesis: FrontSynthesis, folder: Path, prepared: Path) -> Iterator[str]:
    """Store the features of all people in ``folder`` that are not stored yet; yields a shard's name each."""
    prepared.mkdir(parents=True, exist_ok=True)
    paths = found(folder)
    if not (prepared / BASIS).exists():
        surveyed = [load(path).w[:SURVEYED_PEOPLE] for path in paths[1 : SURVEYED_SHARDS + 1] or paths]
        np.savez(prepared / BASIS, **find_basis(synthesis, torch.from_numpy(np.concatenate(surveyed))))
    basis = Basis.load(prepared)
    for path in paths:
        if front_path(prepared, path.stem, 1).exists():
            continue
        (prepared / path.stem).mkdir(exist_ok=True)
        w = torch.from_numpy(load(path).w)
        parts: tuple[list[NDArray], list[NDArray]] = ([], [])
        for row in w:
            for level, layer in enumerate(features(synthesis, row[None])):
                parts[level].append(basis.project(level, layer)[0].half().numpy())
        for level in (0, 1):
            np.save(front_path(prepared, path.stem, level), np.stack(parts[level]))
        yield path.stem


@torch.no_grad()
def unfold(reader: FrontReader, basis: Basis, whole: FrontReader) -> FrontReader:
    """Give ``whole``, which reads the features themselves, what ``reader`` has learned on their components."""
    whole.load_state_dict({k: v for k, v in reader.state_dict().items() if not k.startswith("read")}, strict=False)
    for level, name in enumerate(("read0", "read1")):
        small, large = reader.get_submodule(name), whole.get_submodule(name)
        weight = small.weight[:, :, 0, 0] @ basis.matrices[level].T
        large.weight.copy_(weight[:, :, None, None])
        large.bias.copy_(small.bias - weight @ basis.means[level])
    return whole
