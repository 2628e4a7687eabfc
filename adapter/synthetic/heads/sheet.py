"""Contact sheets: people from several sides, and one row per attribute."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from adapter.synthetic.heads.attributes import NAMES, average_latent, describe, edit, sample_latent
from adapter.synthetic.heads.render import orbit_camera, render

VIEWS = ((-0.8, 0.05), (-0.4, -0.15), (0.0, 0.05), (0.4, 0.15), (0.8, 0.0))
VALUES = (-2.0, -1.0, 0.0, 1.0, 2.0)


def _to_uint8(images: np.ndarray) -> np.ndarray:
    return (images * 255 + 0.5).astype(np.uint8)


def _label(image: Image.Image, x: int, y: int, text: str) -> None:
    ImageDraw.Draw(image).text((x + 3, y + 2), text, fill=(90, 90, 90))


def people_sheet(count: int, size: int, seed: int, columns: int = 2) -> Image.Image:
    """Random people, five views each, in `columns` columns."""
    rng = np.random.default_rng(seed)
    cameras = np.stack([orbit_camera(*v) for v in VIEWS])
    rows, labels = [], []
    for _ in range(count):
        z = sample_latent(rng)
        rows.append(np.concatenate(list(_to_uint8(render(z, cameras, size).color)), axis=1))
        d = describe(z)
        labels.append(f"{d['sex']}, {d['age_group']}, {d['hair_style']} {d['hair_colour']}, smile {d['smile']:.1f}")
    return _arrange(rows, labels, columns)


def attribute_sheet(size: int, columns: int = 2, yaw: float = -0.3) -> Image.Image:
    """One row per attribute: a person of middling values with that attribute at -2..2."""
    camera = orbit_camera(yaw, 0.05)[None]
    rows = []
    for name in NAMES:
        person = {"sex": 0.45, "beard": -2.0, "glasses": -1.0}
        if name == "beard":
            person["sex"] = 1.2
        if name == "lipstick":
            person["sex"] = -1.2
        images = [render(edit(average_latent(), **(person | {name: v})), camera, size).color[0] for v in VALUES]
        rows.append(_to_uint8(np.concatenate(images, axis=1)))
    return _arrange(rows, list(NAMES), columns)


def _arrange(rows: list[np.ndarray], labels: list[str], columns: int) -> Image.Image:
    height, width = rows[0].shape[:2]
    per_column = -(-len(rows) // columns)
    sheet = Image.new("RGB", (width * columns, height * per_column), "white")
    for i, (row, label) in enumerate(zip(rows, labels, strict=True)):
        x, y = i // per_column * width, i % per_column * height
        sheet.paste(Image.fromarray(row), (x, y))
        _label(sheet, x, y, label)
    return sheet


def write(path: Path, seed: int = 0, size: int = 160) -> list[Path]:
    """Writes PATH-people.png and PATH-attributes.png; returns their paths."""
    people, rows = path.with_name(path.name + "-people.png"), path.with_name(path.name + "-attributes.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    people_sheet(16, size, seed).save(people)
    attribute_sheet(size).save(rows)
    return [people, rows]
