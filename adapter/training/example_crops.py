"""Propose the squares of the example pictures for a base: `python -m adapter.training.example_crops faces`.

A square that ``references.json`` has already is kept, as some were set by hand; delete it there to get a new proposal.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adapter.media.alignment import framing_of
from adapter.media.crop import Crop, frame_face
from adapter.media.images import load_image
from adapter.utils.atomic import replacing
from adapter.utils.paths import EXAMPLES

DRAWN = "Drawn by python -m adapter.synthetic"
"""The origin of pictures that show a head as the bases do, so that all of them counts."""
DIGITS = 5


def propose(image: np.ndarray, origin: str, base: str) -> dict[str, Any]:
    """The square of a picture, uint8 [H, W, 3], that a base's framing proposes, as ``references.json`` holds it."""
    crop = Crop(found=True) if origin.startswith(DRAWN) else frame_face(image, framing_of(base))
    square: dict[str, Any] = {name: round(getattr(crop, name), DIGITS) for name in ("x", "y", "side")}
    square["found"] = crop.found
    if crop.roll:
        square["roll"] = round(crop.roll, DIGITS)
    if not crop.inside:
        square["inside"] = False
    return square


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill in the squares that are missing."""
    parser = argparse.ArgumentParser(description="Propose the squares of the example pictures.")
    parser.add_argument("bases", nargs="+", metavar="BASE")
    parser.add_argument("--file", type=Path, default=EXAMPLES / "references.json", help="default: %(default)s")
    args = parser.parse_args(arguments)
    entries = json.loads(args.file.read_text(encoding="utf-8"))
    for entry in entries:
        crops = entry.setdefault("crops", {})
        for base in args.bases:
            if base not in crops:
                crops[base] = propose(load_image(EXAMPLES / entry["file"]), entry["origin"], base)
    with replacing(args.file) as temporary:
        temporary.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
