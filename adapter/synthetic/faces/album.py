"""Draw the album of a base of photographic people: `python -m adapter.synthetic.faces.album checkpoints/faces`."""

import argparse
import functools
from pathlib import Path

from adapter.eg3d import Eg3d
from adapter.encoders.models import EMBEDDED_MODELS
from adapter.encoders.style_examples import FILE
from adapter.synthetic.faces.references import portrait
from adapter.synthetic.styles.album import readable_styles, write_album


def main() -> None:
    """Write the album into the base's folder, in the order of the embedded CLIP's vocabulary."""
    parser = argparse.ArgumentParser(description="Draw one picture of each style on a base's people.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    generator = Eg3d.from_pretrained(folder)
    styles = readable_styles(EMBEDDED_MODELS["clip-heads"])
    write_album(folder / FILE, styles, functools.partial(portrait, generator))


if __name__ == "__main__":
    main()
