"""Trunk features of plain and styled renders, made shard by shard and kept on disk.

The trunk does not train, so each image passes through it twice (as it is, and augmented) and never again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.synthetic.heads.attributes import sample_latent
from adapter.synthetic.heads.facts import facts_of
from adapter.synthetic.heads.render import orbit_camera, render
from adapter.synthetic.styles import STYLES
from adapter.training.clip.captions import SOURCE, STYLE_NAMES
from adapter.utils.atomic import replacing

YAW, PITCH = 0.5, 0.15  # cameras are drawn within these angles, in radians
HEADS_PER_SHARD = 10
PLAIN_PER_SHARD = 500
HELD_OUT_SEED = 1_000_003
VERSIONS = 2  # of each image: as it is, augmented


@dataclass(frozen=True)
class Features:
    """What is known of N images.

    Attributes:
        pooled: [N, VERSIONS, 1280] float16, the input of CLIP's projection.
        styles: [N] index into STYLE_NAMES.
        facts: [N,F] values of the facts.
    """

    pooled: np.ndarray
    styles: np.ndarray
    facts: np.ndarray

    def part(self, rows: slice) -> "Features":
        """Some of the images."""
        return Features(self.pooled[rows], self.styles[rows], self.facts[rows])


def join(*parts: Features) -> Features:
    """All images of several sets."""
    return Features(
        np.concatenate([part.pooled for part in parts]),
        np.concatenate([part.styles for part in parts]),
        np.concatenate([part.facts for part in parts]),
    )


def make_styled(folder: Path, encoder: ImageEncoder, heads: int, seed: int, report: Callable[[str], None]) -> None:
    """Render heads in every style, each head from one camera; finished shards are kept.

    Args:
        folder: for the shards.
        encoder: image side whose pooled features are taken.
        heads: how many.
        seed: of latents and cameras.
        report: gets a line per shard.
    """
    for shard in range(-(-heads // HEADS_PER_SHARD)):
        path = folder / f"styled-{seed}-{shard:03d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([seed, shard])
        images, styles, facts = [], [], []
        for _ in range(HEADS_PER_SHARD):
            latent = sample_latent(rng)
            camera = orbit_camera(rng.uniform(-YAW, YAW), rng.uniform(-PITCH, PITCH))[None]
            head = render(latent, camera, encoder.image_size, 2, threads=1)
            images += [head.color[0], *(style.render(head, camera)[0] for style in STYLES.values())]
            styles += [SOURCE, *(STYLE_NAMES.index(name) for name in STYLES)]
            facts += [facts_of(latent)] * (1 + len(STYLES))
        _write(path, encoder, images, styles, facts, rng)
        report(f"{path.name}: {len(images)} images")


def make_plain(
    folder: Path, encoder: ImageEncoder, renders: Path, first: int, last: int, report: Callable[[str], None]
) -> None:
    """Take plain renders of many more heads from a data set of `adapter.synthetic.heads dataset`.

    Args:
        folder: for the shards.
        encoder: image side whose pooled features are taken.
        renders: folder of the data set.
        first, last: range of identities; one view of each is used.
        report: gets a line per shard.
    """
    color, latents = (np.load(renders / f"{name}.npy", mmap_mode="r") for name in ("color", "latents"))
    for start in range(first, min(last, len(latents)), PLAIN_PER_SHARD):
        path = folder / f"plain-{start:05d}.npz"
        if path.exists():
            continue
        who = range(start, min(start + PLAIN_PER_SHARD, last, len(latents)))
        images = [np.asarray(color[i, i % color.shape[1]], np.float32) / 255 for i in who]
        facts = [facts_of(latents[i]) for i in who]
        _write(path, encoder, images, [SOURCE] * len(images), facts, np.random.default_rng(start))
        report(f"{path.name}: {len(images)} images")


def load(folder: Path, pattern: str) -> Features:
    """Join the shards whose names fit a pattern.

    Raises:
        UserError: there are none.
    """
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise UserError(f"There is nothing like {pattern} in {folder}. Run `python -m adapter.training.clip features`.")
    parts = [np.load(path) for path in paths]
    return join(*(Features(part["pooled"], part["styles"], part["facts"]) for part in parts))


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift, scale, mirror, change exposure and soften images [N,3,H,W] in [-1,1], each in its own way.

    The ranges cover what a small generator does to a style: blur, wandering tints, heads a little off centre.
    """
    count = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    scale, (dx, dy) = uniform(0.82, 1.06), (uniform(-0.07, 0.07), uniform(-0.07, 0.07))
    zero = torch.zeros(count)
    rows = torch.stack([torch.stack([scale * mirror, zero, dx], 1), torch.stack([zero, scale, dy], 1)], 1)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    images = images * uniform(0.85, 1.15, 1, 1, 1) + uniform(-0.12, 0.12, 1, 1, 1) + uniform(-0.05, 0.05, 3, 1, 1)
    small = F.interpolate(images, scale_factor=0.5, mode="bilinear", antialias=True, align_corners=False)
    soft = F.interpolate(small, images.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(images, soft, torch.rand(count, 1, 1, 1, generator=generator)).clamp(-1, 1)


def _write(
    path: Path, encoder: ImageEncoder, images: list[np.ndarray], styles: list[int], facts: list[np.ndarray],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    pooled = [_pooled(encoder, batch, generator) for batch in _batches(images)]
    with replacing(path) as temporary:
        np.savez(temporary, pooled=np.concatenate(pooled), styles=np.array(styles, np.int16), facts=np.stack(facts))


def _batches(images: list[np.ndarray], size: int = 39) -> Iterator[Tensor]:
    for start in range(0, len(images), size):
        yield torch.from_numpy(np.stack(images[start : start + size])).permute(0, 3, 1, 2) * 2 - 1


@torch.no_grad()
def _pooled(encoder: ImageEncoder, images: Tensor, generator: torch.Generator) -> np.ndarray:
    versions = [images, *(augment(images, generator) for _ in range(VERSIONS - 1))]
    seen = [encoder.encode(version, ("pooled",), embedding=False).tokens["pooled"][:, 0] for version in versions]
    return torch.stack(seen, 1).half().numpy()
