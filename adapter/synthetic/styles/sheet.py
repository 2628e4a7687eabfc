"""A contact sheet of all styles."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from adapter.synthetic.heads.attributes import sample_latent
from adapter.synthetic.heads.render import orbit_camera, render
from adapter.synthetic.styles import STYLES
from adapter.synthetic.styles.renderings import source
from adapter.synthetic.styles.view import View
from adapter.utils.atomic import replacing

ANGLES = ((-0.3, 0.05), (0.25, -0.05), (0.0, 0.1))


def contact_sheet(
    seed: int = 0, people: int = 3, size: int = 128, columns: int = 5, supersampling: int = 2
) -> Image.Image:
    """Draw every style for a few people, labelled.

    Args:
        seed: of the people.
        people: heads per style.
        size: side of a picture in pixels.
        columns: styles per row.
        supersampling: of the renders.
    """
    rng = np.random.default_rng(seed)
    views = []
    for index in range(people):
        cameras = orbit_camera(*ANGLES[index % len(ANGLES)])[None]
        views.append(View.of(render(sample_latent(rng), cameras, size, supersampling), cameras))
    functions = {"source": source} | {name: style.function for name, style in STYLES.items()}
    rows = -(-len(functions) // columns)
    sheet = Image.new("RGB", (columns * people * size, rows * size), "white")
    drawing = ImageDraw.Draw(sheet)
    for place, (name, function) in enumerate(functions.items()):
        x, y = place % columns * people * size, place // columns * size
        strip = np.concatenate([function(view) for view in views], axis=1)
        sheet.paste(Image.fromarray((np.clip(strip, 0, 1) * 255 + 0.5).astype(np.uint8)), (x, y))
        drawing.text((x + 4, y + 3), name, fill="white", stroke_width=2, stroke_fill="black")
    return sheet


def write(path: Path, **options: int) -> None:
    """Write the sheet as PNG; options as for `contact_sheet`."""
    with replacing(path) as temporary:
        contact_sheet(**options).save(temporary)
