"""The figure of an evaluation: the same identities in every row, a block of columns for each domain."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from adapter.media.grids import INK, PAPER
from adapter.media.images import to_uint8

GAP, LABEL, HEADER = 6, 190, 34


def strip(images: Tensor, side: int | None = None) -> np.ndarray:
    """Images [N, 3, S, S] in [-1, 1] side by side, uint8 [S, N * S, 3], each scaled to a side where one is given."""
    if side is not None and images.shape[-1] != side:
        images = F.interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False)
    return np.concatenate(to_uint8(images), axis=1)


def read_strip(path: Path) -> np.ndarray:
    """Read a picture as uint8 [H, W, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def compose(rows: Mapping[str, Mapping[str, np.ndarray]], domains: Sequence[str]) -> np.ndarray:
    """Lay strips out as a table.

    Args:
        rows: by the row's label, strips uint8 [S, W, 3] by domain; narrower ones are centred, missing ones stay empty.
        domains: the columns, in order.

    Returns:
        uint8 [H, W, 3].

    Raises:
        ValueError: no strip at all.
    """
    strips = [picture for row in rows.values() for picture in row.values()]
    if not strips:
        raise ValueError("a figure needs at least one strip")
    side, width = max(p.shape[0] for p in strips), max(p.shape[1] for p in strips)
    height = HEADER + len(rows) * (side + GAP)
    sheet = Image.new("RGB", (LABEL + len(domains) * (width + 2 * GAP), height), INK)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for column, domain in enumerate(domains):
        left = LABEL + column * (width + 2 * GAP)
        draw.text((left + width / 2, HEADER / 2), domain, fill=PAPER, font=font, anchor="mm")
        for place, (label, row) in enumerate(rows.items()):
            top = HEADER + place * (side + GAP)
            if column == 0:
                draw.text((LABEL - 12, top + side / 2), label, fill=PAPER, font=font, anchor="rm")
            if domain in row:
                picture = Image.fromarray(row[domain])
                sheet.paste(picture, (left + (width - picture.width) // 2, top))
    return np.asarray(sheet)
