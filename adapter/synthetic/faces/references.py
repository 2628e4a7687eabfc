"""Draw reference pictures of photographic people: `python -m adapter.synthetic.faces.references examples`."""

import argparse
import contextlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from adapter.eg3d import Eg3d
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.generator import Generator
from adapter.errors import UserError
from adapter.synthetic.faces.portrait import take_portrait
from adapter.synthetic.faces.view import view_of
from adapter.synthetic.styles import STYLES, View
from adapter.utils.atomic import replacing

SIZE, QUALITY, PSI = 512, 92, 0.8
REFERENCES: dict[str, int] = {
    "bronze": 3,
    "jade": 8,
    "zombie": 11,
    "toon": 14,
    "watercolour": 21,
    "neon": 27,
    "marble": 30,
    "vampire": 32,
    "blue avatar": 35,
    "oil painting": 38,
    "red chalk": 41,
    "pop art": 44,
}
"""For each style the seed of the person."""
TRIES, NEXT_SEED = 5, 1000
"""How many people are tried until one shows a face, and by how much their seeds differ."""
ANGLES = (-0.15, 0.02)


def portrait(generator: Generator, style: str, seed: int, size: int = SIZE) -> Image.Image:
    """A person of a base in a style, seen a little from the side, ``size`` px square."""
    picture = STYLES[style].draw(_view(generator, seed, size))
    return Image.fromarray(np.round(picture * 255).astype(np.uint8))


def _view(generator: Generator, seed: int, size: int) -> View:
    camera = cameras_around_front(generator.config, *ANGLES)
    for attempt in range(TRIES):
        random = torch.Generator().manual_seed(seed + attempt * NEXT_SEED)
        ws = generator.sample_ws(torch.randn(1, generator.config.z_dim, generator=random), PSI)
        with contextlib.suppress(UserError):
            return view_of(take_portrait(generator, ws, camera, size))
    raise UserError(f"None of {TRIES} people of this base shows a face. Train it further.")


def main() -> None:
    """Write every picture as JPEG into a folder."""
    parser = argparse.ArgumentParser(description="Draw the procedural reference pictures of photographic people.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="faces")
    args = parser.parse_args()
    generator = Eg3d.from_pretrained(args.base)
    for style, seed in REFERENCES.items():
        with replacing(args.folder / f"{style.replace(' ', '-')}.jpg") as temporary:
            portrait(generator, style, seed).save(temporary, format="JPEG", quality=QUALITY)


if __name__ == "__main__":
    main()
