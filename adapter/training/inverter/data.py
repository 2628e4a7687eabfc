"""Pairs of image features and latents: pairs are free where there is a generator. Kept on disk shard by shard."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front
from adapter.encoders.encoder import ImageEncoder
from adapter.latents.wplus_encoder import InverterConfig, read_features
from adapter.utils.atomic import replacing

PEOPLE_PER_SHARD, VIEWS = 50, 2
RENDERS_PER_SHARD = 500
YAW, PITCH = 0.5, 0.2
"""Cameras are drawn uniformly within these angles, in radians from the front."""
MIXED = 0.25
"""Share of people whose rows come from two latents, split at a random row."""
GROUP = 32
"""Images that pass through the tower together."""


@dataclass(frozen=True)
class Pairs:
    """N images as the head reads them, with what made them.

    Attributes:
        near, far: features float16 [N, C, 8, 8] and [N, C, 4, 4].
        first, second: latents [N, z] of the rows before and from `split`.
        split: [N] number of rows of the first latent.
        angles: yaw and pitch [N, 2].
    """

    near: np.ndarray
    far: np.ndarray
    first: np.ndarray
    second: np.ndarray
    split: np.ndarray
    angles: np.ndarray

    def __len__(self) -> int:
        return len(self.split)


def join(parts: list[Pairs]) -> Pairs:
    """All pairs of several sets."""
    return Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in Pairs.__dataclass_fields__))


def draw(config, count: int, seed: int, shard: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """People and cameras of a shard: first and second latents [P, z], split [P], angles [P, VIEWS, 2]."""
    random = torch.Generator().manual_seed(seed * 100_003 + shard)
    first, second = torch.randn(2, count, config.z_dim, generator=random)
    split = torch.randint(1, config.num_ws, (count,), generator=random)
    split = torch.where(torch.rand(count, generator=random) < MIXED, split, config.num_ws)
    angles = (2 * torch.rand(count, VIEWS, 2, generator=random) - 1) * torch.tensor([YAW, PITCH])
    return first, second, split, angles


@torch.no_grad()
def codes(generator: Generator, first: Tensor, second: Tensor, split: Tensor) -> Tensor:
    """Extended latents [N, num_ws, w] of people whose rows from `split` on come from the second latent."""
    one, two = generator.sample_ws(first), generator.sample_ws(second)
    rows = torch.arange(one.shape[1])[None, :, None]
    return torch.where(rows < split[:, None, None], one, two)


@torch.no_grad()
def generated(
    folder: Path,
    generator: Generator,
    fingerprint: str,
    encoder: ImageEncoder,
    config: InverterConfig,
    people: int,
    seed: int,
    report: Callable[[str], None],
) -> Pairs:
    """Pairs of the generator's own renders; finished shards are kept by the generator's fingerprint."""
    parts = []
    for shard in range(-(-people // PEOPLE_PER_SHARD)):
        path = folder / f"generated-{fingerprint[:12]}-{seed}-{shard:03d}.npz"
        if not path.exists():
            first, second, split, angles = draw(generator.config, PEOPLE_PER_SHARD, seed, shard)
            ws = codes(generator, first, second, split)
            images = torch.cat([_views(generator, w[None], a) for w, a in zip(ws, angles, strict=True)])
            people_of = np.repeat(np.arange(PEOPLE_PER_SHARD), VIEWS)
            drawn = [first.numpy()[people_of], second.numpy()[people_of], split.numpy()[people_of]]
            _write(path, encoder, config, images, *drawn, angles.flatten(0, 1).numpy())
            report(f"{path.name} of {-(-people // PEOPLE_PER_SHARD)}")
        parts.append(_read(path))
    return join(parts)


@torch.no_grad()
def rendered(
    folder: Path,
    renders: Path,
    encoder: ImageEncoder,
    config: InverterConfig,
    limit: int,
    report: Callable[[str], None],
) -> Pairs | None:
    """Pairs of the true renders that the base itself was trained on, first view of each head; None without them.

    What a base shows of a person differs from the truth; with both, the encoder also reads pictures that no
    generator made.
    """
    if not (renders / "dataset.json").is_file():
        return None
    arrays = {name: np.load(renders / f"{name}.npy", mmap_mode="r") for name in ("color", "angles", "latents")}
    parts = []
    for start in range(0, min(limit, len(arrays["latents"])), RENDERS_PER_SHARD):
        path = folder / f"rendered-{renders.name}-{start:05d}.npz"
        if not path.exists():
            rows = slice(start, min(start + RENDERS_PER_SHARD, limit))
            images = torch.from_numpy(np.array(arrays["color"][rows, 0])).permute(0, 3, 1, 2).float() / 127.5 - 1
            latents = np.array(arrays["latents"][rows])
            whole = np.full(len(latents), np.iinfo(np.int64).max)
            _write(path, encoder, config, images, latents, latents, whole, np.array(arrays["angles"][rows, 0]))
            report(path.name)
        parts.append(_read(path))
    return join(parts)


def _views(generator: Generator, ws: Tensor, angles: Tensor) -> Tensor:
    """One person [1, num_ws, w] from several sides [V, 2]: images [V, 3, H, W]."""
    cameras = cameras_around_front(generator.config, angles[:, 0], angles[:, 1])
    rendered = generator.render(generator.planes(ws).repeat(len(cameras)), cameras)
    return generator.superresolve(rendered.features, ws.expand(len(cameras), -1, -1)).clamp(-1, 1)


def _write(path: Path, encoder: ImageEncoder, config: InverterConfig, images: Tensor, *drawn: np.ndarray) -> None:
    seen = [read_features(encoder, config, part) for part in images.split(GROUP)]
    near, far = (torch.cat([pair[k] for pair in seen]).half().numpy() for k in (0, 1))
    names = ("first", "second", "split", "angles")
    with replacing(path) as temporary:
        np.savez(temporary, near=near, far=far, **dict(zip(names, drawn, strict=True)))


def _read(path: Path) -> Pairs:
    with np.load(path, allow_pickle=False) as file:
        return Pairs(**{name: file[name] for name in Pairs.__dataclass_fields__})
