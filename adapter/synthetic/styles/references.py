"""Draw the procedural references: `python -m adapter.synthetic.styles.references examples`."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from adapter.synthetic.heads.attributes import edit, sample_latent
from adapter.synthetic.heads.render import orbit_camera, render
from adapter.synthetic.styles import STYLES
from adapter.utils.atomic import replacing

SIZE, QUALITY = 512, 92
REFERENCES: dict[str, tuple[int, dict[str, float]]] = {
    "bronze": (3, {"glasses": -1.0, "smile": 0.6, "mouth_open": -1.0}),
    "jade": (8, {"glasses": -1.0, "smile": 0.4, "mouth_open": -1.0}),
    "zombie": (11, {"glasses": -1.0, "sex": 1.2, "mouth_open": 0.2}),
    "toon": (14, {"glasses": -1.0, "smile": 1.2, "mouth_open": -0.5}),
    "watercolour": (21, {"glasses": -1.0, "smile": 0.8, "mouth_open": -1.0}),
    "neon": (27, {"glasses": -1.0, "smile": 0.5, "mouth_open": -1.0}),
}
"""For each style the seed of the person and the attributes that are set for the picture."""
ANGLES = (-0.22, 0.03)


def portrait(style: str, seed: int, attributes: Mapping[str, float], size: int) -> Image.Image:
    """A person in a style, seen a little from the side, ``size`` px square.

    Args:
        style: name of a style.
        seed: which person.
        attributes: those that are set for the picture.
        size: in pixels.
    """
    z = edit(sample_latent(np.random.default_rng(seed)), **attributes)
    cameras = orbit_camera(*ANGLES)[None]
    picture = STYLES[style].render(render(z, cameras, size), cameras)[0]
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def main() -> None:
    """Write every picture as JPEG into a folder."""
    parser = argparse.ArgumentParser(description="Draw the procedural reference pictures.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for style in REFERENCES:
        with replacing(folder / f"{style}.jpg") as temporary:
            portrait(style, *REFERENCES[style], SIZE).save(temporary, format="JPEG", quality=QUALITY)


if __name__ == "__main__":
    main()
