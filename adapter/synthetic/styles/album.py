"""Draw the album of the embedded CLIP: `python -m adapter.synthetic.styles.album checkpoints/clip-heads`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from adapter.encoders.style_examples import COLUMNS, FILE, SIDE
from adapter.synthetic.styles import STYLES
from adapter.synthetic.styles.references import portrait
from adapter.utils.atomic import replacing
from adapter.utils.storage import read_json

QUALITY = 92
SEED = 70_000
FACE = {"glasses": -1.0, "smile": 0.6, "mouth_open": -1.0}


Draw = Callable[[str, int, int], Image.Image]
"""From a style, the seed of a person and a side in pixels to a picture."""


def draw_head(style: str, seed: int, size: int) -> Image.Image:
    """A style on a synthetic head."""
    return portrait(style, seed, FACE, size)


def write_album(path: Path, names: Sequence[str], draw: Draw) -> None:
    """Write one picture of each style on a person of its own; drawn at twice the size, so that strokes stay fine."""
    pictures = []
    for number, name in enumerate(names):
        large = draw(name, SEED + number, 2 * SIDE)
        pictures.append(np.asarray(large.resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
    with replacing(path) as temporary:
        Image.fromarray(sheet(pictures)).save(temporary, format="JPEG", quality=QUALITY)


def readable_styles(folder: Path) -> list[str]:
    """The styles of a CLIP's vocabulary in its order."""
    return [name for name in read_json(folder / "vocabulary.json")["styles"] if name in STYLES]


def sheet(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures row by row, the last row filled up with black."""
    empty = [np.zeros_like(pictures[0])] * (-len(pictures) % COLUMNS)
    every = [*pictures, *empty]
    rows = [np.concatenate(every[start : start + COLUMNS], axis=1) for start in range(0, len(every), COLUMNS)]
    return np.concatenate(rows)


def main() -> None:
    """Write the album into the folder of a CLIP, in the order of its vocabulary."""
    parser = argparse.ArgumentParser(description="Draw one picture of each style of a CLIP's vocabulary.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write_album(folder / FILE, readable_styles(folder), draw_head)


if __name__ == "__main__":
    main()
