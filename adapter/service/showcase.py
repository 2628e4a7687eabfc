"""The picture and the animation at the top of the README, made by the methods they show."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from adapter.adaptation import adapt, get_method
from adapter.errors import UserError
from adapter.media.grids import save_png, sheet
from adapter.media.images import crop_square, load_image, resize, to_tensor
from adapter.service import models
from adapter.service.people import Pairs, People, Sway
from adapter.service.requests import BASE, ENCODER
from adapter.storage import replacing

PEOPLE, CAST = 4, 7
TILE, ANIMATED_TILE = 160, 176
ANIMATED = 3
FRAMES, FPS, QUALITY = 48, 20, 70


def showcase(references: Sequence[Path], folder: Path, preset: str = "full", seed: int = 0) -> Iterator[str]:
    """Adapt to each reference, then write ``showcase.png`` and ``showcase.webp``.

    The picture has a row per reference: the reference, people of the base, the same people of the domain. The
    animation turns two people of the first few domains, source beside target.

    Args:
        references: picture files.
        folder: where the two files go.
        preset: of the method 3d-adapter.
        seed: of the adaptations.

    Yields:
        A line of progress per reference.

    Raises:
        UserError: a reference that cannot be used, or an adaptation that failed.
    """
    generator, encoder = models.generator(BASE), models.encoder(ENCODER)
    people = People.draw(generator, PEOPLE, CAST)
    sway = Sway(FRAMES)
    rows, turns = [], []
    for path in references:
        picture = crop_square(load_image(path))
        reference = to_tensor(picture, max(256, generator.config.image_resolution))
        domain = None
        with contextlib.closing(
            adapt(generator, encoder, reference, get_method("3d-adapter", preset), seed=seed)
        ) as run:
            for event in run:
                domain = event.domain or domain
        if domain is None:
            raise UserError(f"Adapting to {path.name} gave no domain.")
        parts = domain.apply(generator)
        views = people.pairs(parts, yaw=-0.15), people.pairs(parts, yaw=0.35)
        rows.append(
            [picture, *_alternate(views[0].sources, views[1].sources), *_alternate(views[0].targets, views[1].targets)]
        )
        if len(turns) < ANIMATED:
            turns.append((picture, [people.pairs(parts, yaw, pitch) for yaw, pitch in sway.poses]))
        yield f"{path.name}: {len(rows)} of {len(references)}"
    folder.mkdir(parents=True, exist_ok=True)
    save_png(folder / "showcase.png", sheet([[resize(tile, TILE) for tile in row] for row in rows]))
    _save_animation(folder / "showcase.webp", turns, sway.order)


def _alternate(first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """Every person once, from alternating sides."""
    return [(first, second)[index % 2][index] for index in range(len(first))]


def _save_animation(path: Path, turns: Sequence[tuple[np.ndarray, Sequence[Pairs]]], order: Sequence[int]) -> None:
    frames = []
    for pose in order:
        rows = [
            [picture, pairs[pose].sources[0], pairs[pose].targets[0], pairs[pose].sources[1], pairs[pose].targets[1]]
            for picture, pairs in turns
        ]
        frames.append(Image.fromarray(sheet([[resize(tile, ANIMATED_TILE) for tile in row] for row in rows])))
    with replacing(path) as temporary:
        frames[0].save(
            temporary,
            format="WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=round(1000 / FPS),
            loop=0,
            quality=QUALITY,
        )
