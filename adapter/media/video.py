"""Videos that browsers play: H.264 in MP4, yuv420p, with the index in front."""

import itertools
import os
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from adapter.utils.atomic import replacing

_SPEED = "superfast"  # on these clips twice the bytes of "veryfast", which takes nearly twice the time
_BT709 = 1  # number of Rec. 709 primaries and transfer in the H.264 standard, tables E-3 and E-4


def write_mp4(
    path: str | os.PathLike,
    pictures: Iterable[np.ndarray],
    fps: int = 24,
    crf: int = 18,
    order: Iterable[int] | None = None,
) -> int:
    """Encode pictures as they come; the file appears complete or not at all.

    Args:
        path: the .mp4 file to write, replaced where it exists.
        pictures: uint8 [H, W, 3], all of one size; an odd last row or column is repeated to make the size even.
        fps: frames a second.
        crf: x264's constant rate factor: 0 is lossless, 18 looks lossless, 23 is its default.
        order: places of the pictures that the frames show, for those shown more than once; each once where None.

    Returns:
        Number of frames written.

    Raises:
        ValueError: no pictures, or pictures of different sizes.
    """
    pictures = iter(pictures)
    first = next(pictures, None)
    if first is None:
        raise ValueError("a video needs at least one frame")
    frames = (_frame(picture, first.shape) for picture in itertools.chain([first], pictures))
    if order is not None:
        converted = list(frames)
        frames = (converted[place] for place in order)
    count = 0
    with (
        replacing(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=Fraction(fps), options={"crf": str(crf), "preset": _SPEED})
        stream.height, stream.width = (side + side % 2 for side in first.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = Colorspace.ITU709
        stream.codec_context.color_primaries = _BT709
        stream.codec_context.color_trc = _BT709
        stream.codec_context.color_range = ColorRange.MPEG
        for frame in frames:
            # The encoder numbers frames without a time; one that is shown again has its last one's.
            frame.pts = None
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode())
    return count


def _frame(picture: np.ndarray, shape: tuple[int, ...]) -> av.VideoFrame:
    if picture.shape != shape:
        raise ValueError(f"frames differ in size: {picture.shape} after {shape}")
    pad = ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(picture, pad, "edge")), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
