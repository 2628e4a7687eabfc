"""Draw reference pictures of photographic people: `python -m adapter.synthetic.faces.references examples`."""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from adapter.eg3d import Eg3d
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.generator import Generator
from adapter.synthetic.faces.portrait import take_portrait
from adapter.synthetic.faces.view import view_of
from adapter.synthetic.styles import STYLES
from adapter.utils.atomic import replacing

SIZE, QUALITY, PSI = 512, 92, 0.8
REFERENCES: dict[str, int] = {"bronze": 3, "jade": 8, "zombie": 11, "toon": 14, "watercolour": 21, "neon": 27}
"""For each style the seed of the person."""
ANGLES = (-0.15, 0.02)


def portrait(generator: Generator, style: str, seed: int, size: int = SIZE) -> Image.Image:
    """A person of a base in a style, seen a little from the side, ``size`` px square."""
    random = torch.Generator().manual_seed(seed)
    ws = generator.sample_ws(torch.randn(1, generator.config.z_dim, generator=random), PSI)
    view = view_of(take_portrait(generator, ws, cameras_around_front(generator.config, *ANGLES), size))
    return Image.fromarray(np.round(STYLES[style].draw(view) * 255).astype(np.uint8))


def main() -> None:
    """Write every picture as JPEG into a folder."""
    parser = argparse.ArgumentParser(description="Draw the procedural reference pictures of photographic people.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="faces")
    args = parser.parse_args()
    generator = Eg3d.from_pretrained(args.base)
    for style, seed in REFERENCES.items():
        with replacing(args.folder / f"{style}.jpg") as temporary:
            portrait(generator, style, seed).save(temporary, format="JPEG", quality=QUALITY)


if __name__ == "__main__":
    main()
