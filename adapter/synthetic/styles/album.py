"""Draw the album of the embedded CLIP: `python -m adapter.synthetic.styles.album checkpoints/clip-heads`."""

import argparse
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


def draw(style: str, number: int) -> np.ndarray:
    """A style on a person of its own, uint8 [SIDE, SIDE, 3]; drawn at twice the size, so that strokes stay fine."""
    large = portrait(style, SEED + number, FACE, 2 * SIDE)
    return np.asarray(large.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


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
    names = [name for name in read_json(folder / "vocabulary.json")["styles"] if name in STYLES]
    pictures = [draw(name, number) for number, name in enumerate(names)]
    with replacing(folder / FILE) as temporary:
        Image.fromarray(sheet(pictures)).save(temporary, format="JPEG", quality=QUALITY)


if __name__ == "__main__":
    main()
