"""The README's turning picture: ``python docs/turning.py VIDEO WEBP`` lays an orbit video out in two rows.

A still of it, the thumbnail, is written beside it as JPEG.
"""

import sys
from pathlib import Path

import av
from PIL import Image

BAND, GAP, TILE = 48, 8, 384
"""Of the videos that `adapter.media.grids.pair_sheet` lays out, in pixels."""
SIDE, EVERY = 256, 2


def turned(frame: Image.Image) -> Image.Image:
    """The rows of a frame as columns: sources above, targets below."""
    people = (frame.height - BAND) // (TILE + GAP)
    sheet = Image.new("RGB", (people * SIDE, 2 * SIDE))
    for person in range(people):
        for row in range(2):
            left, top = GAP + row * (TILE + GAP), BAND + person * (TILE + GAP)
            tile = frame.crop((left, top, left + TILE, top + TILE))
            sheet.paste(tile.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (person * SIDE, row * SIDE))
    return sheet


def main(video: str, path: str) -> None:
    """Write every second frame of a video as a looping WebP, and one of them as JPEG."""
    with av.open(video) as container:
        stream = container.streams.video[0]
        duration = round(1000 * EVERY / float(stream.average_rate))
        pictures = [turned(frame.to_image()) for frame in container.decode(stream)][::EVERY]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=duration, loop=0, quality=75, method=6)
    pictures[len(pictures) // 8].save(Path(path).with_suffix(".jpg"), quality=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
