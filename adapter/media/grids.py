"""Sheets of pictures: source and target side by side, people in rows or columns, with labels."""

import functools
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from adapter.media.images import resize
from adapter.utils.atomic import replacing

INK = (23, 20, 18)
PAPER = (245, 241, 234)
LABELS = ("Source", "Target")
_FEWEST_IN_TWO_COLUMNS = 4
Pictures = Sequence[np.ndarray] | np.ndarray
"""N pictures uint8 [H, W, 3]."""


def sheet(rows: Sequence[Sequence[np.ndarray]], gap: int = 8, background: tuple[int, int, int] = INK) -> np.ndarray:
    """Lay pictures of one size out in rows, with a gap between and around them.

    Args:
        rows: rows of pictures uint8 [H, W, 3]; rows may differ in length.
        gap: in pixels.
        background: RGB.

    Returns:
        uint8 [gap + R (H + gap), gap + C (W + gap), 3].

    Raises:
        ValueError: no pictures, or pictures of different sizes.
    """
    shapes = {picture.shape for row in rows for picture in row}
    if len(shapes) != 1:
        raise ValueError(f"a sheet needs pictures of one size, not {sorted(shapes)}")
    height, width, _ = shapes.pop()
    columns = max(len(row) for row in rows)
    canvas = np.empty((gap + len(rows) * (height + gap), gap + columns * (width + gap), 3), np.uint8)
    canvas[:] = background
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            top, left = gap + r * (height + gap), gap + c * (width + gap)
            canvas[top : top + height, left : left + width] = picture
    return canvas


def pair_sheet(sources: Pictures, targets: Pictures, tile: int = 384, gap: int = 8, band: int = 48) -> np.ndarray:
    """Source left, target right, labelled at the top; people in rows, from four on two in a row.

    Twelve people then fit a phone's screen, and a video of them what its decoder can play.

    Args:
        sources, targets: N square pictures uint8 [S, S, 3] each, of the same people.
        tile: side in pixels to which each picture is scaled.
        gap: between pictures, in pixels.
        band: height of the band with the labels, in pixels.

    Returns:
        uint8 [band + R (tile + gap), 2 C tile + (2 C + 1) gap, 3] with C people in each of R rows.
    """
    pairs = [(resize(a, tile), resize(b, tile)) for a, b in zip(sources, targets, strict=True)]
    columns = 1 if len(pairs) < _FEWEST_IN_TWO_COLUMNS else 2
    rows = [sum(pairs[i : i + columns], ()) for i in range(0, len(pairs), columns)]
    pictures = sheet(rows, gap)[gap:]
    centers = [gap + tile / 2 + k * (tile + gap) for k in range(2 * columns)]
    header = np.empty((band, pictures.shape[1], 3), np.uint8)
    header[:] = INK
    header = _write(header, [(x, band / 2, text, "mm") for x, text in zip(centers, LABELS * columns, strict=True)], 22)
    return np.concatenate([header, pictures])


def sample_sheet(sources: Sequence[Pictures], targets: Sequence[Pictures], tile: int = 256, gap: int = 6) -> np.ndarray:
    """People in columns; for each view a row of sources above the row of their targets, labelled at the left.

    Args:
        sources, targets: [views][people] square pictures uint8 [S, S, 3].
        tile: side in pixels to which each picture is scaled.
        gap: between pictures, in pixels.

    Returns:
        uint8 [gap + 2 V (tile + gap), margin + gap + P (tile + gap), 3].
    """
    rows: list[list[np.ndarray]] = []
    labels: list[tuple[float, str]] = []
    for source, target in zip(sources, targets, strict=True):
        for pictures, label in zip((source, target), LABELS, strict=True):
            labels.append((len(rows) + 0.5, label))
            rows.append([resize(picture, tile) for picture in pictures])
    tiles = sheet(rows, gap)
    margin = np.empty((tiles.shape[0], tile // 3, 3), np.uint8)
    margin[:] = INK
    size = max(10, tile // 12)
    texts = [(tile / 6 + gap / 2, gap / 2 + row * (tile + gap), label, "mm") for row, label in labels]
    return np.concatenate([_write(margin, texts, size), tiles], axis=1)


def save_png(path: str | os.PathLike, picture: np.ndarray) -> None:
    """Write a picture uint8 [H, W, 3] as PNG; the file appears complete or not at all."""
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")


def _write(picture: np.ndarray, texts: Sequence[tuple[float, float, str, str]], size: int) -> np.ndarray:
    """Draw texts, given as (x, y, text, anchor in Pillow's notation), on a copy of the picture."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for x, y, text, anchor in texts:
        draw.text((x, y), text, fill=PAPER, font=_font(size), anchor=anchor)
    return np.asarray(image)


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
