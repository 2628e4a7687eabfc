"""Trunk features of styled renders, made shard by shard and kept on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from adapter.encoders.efficientnet_lite import FrozenEfficientNetLite
from adapter.errors import UserError
from adapter.evaluation.classifier import SIZE, pool_maps, stage_maps
from adapter.synthetic.ground_truth import PLAIN
from adapter.synthetic.heads.attributes import sample_latent
from adapter.synthetic.heads.facts import facts_of
from adapter.synthetic.heads.render import orbit_camera, render
from adapter.synthetic.styles import STYLES, View
from adapter.training.clip.data import augment
from adapter.utils.atomic import replacing

STYLE_NAMES = (PLAIN, *STYLES)
YAW, PITCH = 0.5, 0.18
"""Cameras are drawn within these angles, in radians."""
HEADS_PER_SHARD = 25
VIEWS = 2
STYLES_PER_VIEW = 5
VERSIONS = 2
"""Of each image: as it is, augmented."""


@dataclass(frozen=True)
class Features:
    """Features and labels of N images.

    Attributes:
        pooled: [N, VERSIONS, D] float16, see `adapter.evaluation.classifier.pool_maps`.
        styles: [N] index into STYLE_NAMES.
        people: [N] number of the head.
        facts: [N, F] values of `adapter.synthetic.heads.facts.FACTS`.
    """

    pooled: np.ndarray
    styles: np.ndarray
    people: np.ndarray
    facts: np.ndarray


def make_features(
    folder: Path, trunk: FrozenEfficientNetLite, heads: int, seed: int, report: Callable[[str], None]
) -> None:
    """Render heads, each plain and in ten styles from two cameras, and cache their features; finished shards are kept.

    Args:
        folder: for the shards.
        trunk: network of the features.
        heads: number of heads.
        seed: of latents, cameras and styles.
        report: called with a line per shard.
    """
    for shard, path in enumerate(shards(folder, heads, seed)):
        if path.exists():
            continue
        rng = np.random.default_rng([seed, shard])
        deck: list[int] = []
        images, styles, people, facts = [], [], [], []
        for head in range(HEADS_PER_SHARD):
            latent = sample_latent(rng)
            angles = rng.uniform([-YAW, -PITCH], [YAW, PITCH], (VIEWS, 2))
            cameras = np.stack([orbit_camera(*angle) for angle in angles])
            rendered = render(latent, cameras, SIZE, 2, threads=1)
            images.append(rendered.color[0])
            styles.append(0)
            for view in range(VIEWS):
                while len(deck) < STYLES_PER_VIEW:
                    deck += rng.permutation(np.arange(1, len(STYLE_NAMES))).tolist()
                drawn, deck = deck[:STYLES_PER_VIEW], deck[STYLES_PER_VIEW:]
                images += [STYLES[STYLE_NAMES[style]].draw(View.of(rendered, cameras, view)) for style in drawn]
                styles += drawn
            people += [shard * HEADS_PER_SHARD + head] * (1 + VIEWS * STYLES_PER_VIEW)
            facts += [facts_of(latent)] * (1 + VIEWS * STYLES_PER_VIEW)
        features = _features(trunk, images, torch.Generator().manual_seed(int(rng.integers(2**31))))
        with replacing(path) as temporary:
            np.savez(
                temporary,
                pooled=features,
                styles=np.array(styles, np.int16),
                people=np.array(people, np.int32),
                facts=np.stack(facts),
            )
        report(f"{path.name}: {len(images)} images")


def shards(folder: Path, heads: int, seed: int) -> list[Path]:
    """The files with the features of that many heads."""
    return [folder / f"features-{seed}-{shard:03d}.npz" for shard in range(-(-heads // HEADS_PER_SHARD))]


def load(paths: list[Path]) -> Features:
    """Join shards.

    Raises:
        UserError: one is missing.
    """
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} is missing. Run `python -m adapter.training.classifier features`.")
    parts = [np.load(path, allow_pickle=False) for path in paths]
    return Features(*(np.concatenate([part[name] for part in parts]) for name in Features.__annotations__))


def _features(
    trunk: FrozenEfficientNetLite, images: list[np.ndarray], generator: torch.Generator, size: int = 25
) -> np.ndarray:
    found = []
    for start in range(0, len(images), size):
        batch = torch.from_numpy(np.stack(images[start : start + size])).permute(0, 3, 1, 2) * 2 - 1
        versions = [batch, *(augment(batch, generator) for _ in range(VERSIONS - 1))]
        found.append(torch.stack([pool_maps(stage_maps(trunk, version)) for version in versions], dim=1).half().numpy())
    return np.concatenate(found)
