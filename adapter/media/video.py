"""Videos that browsers play: H.264 in MP4, yuv420p, with the index in front."""

import itertools
import os
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from adapter.files import replacing

_SPEED = "superfast"  # on these clips twice the bytes of "veryfast", which takes nearly twice the time
_BT709 = 1  # number of Rec. 709 primaries and transfer in the H.264 standard, tables E-3 and E-4


def write_mp4(path: str | os.PathLike, frames: Iterable[np.ndarray], fps: int = 24, crf: int = 18) -> int:
    """Encode frames as they come; the file appears complete or not at all.

    Args:
        path: the .mp4 file to write, replaced where it exists.
        frames: uint8 [H, W, 3], all of one size; an odd last row or column is repeated to make the size even.
        fps: frames a second.
        crf: x264's constant rate factor: 0 is lossless, 18 looks lossless, 23 is its default.

    Returns:
        Number of frames written.

    Raises:
        ValueError: no frames, or frames of different sizes.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError("a video needs at least one frame")
    pad = ((0, first.shape[0] % 2), (0, first.shape[1] % 2), (0, 0))
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
        for frame in itertools.chain([first], frames):
            if frame.shape != first.shape:
                raise ValueError(f"frames differ in size: {frame.shape} after {first.shape}")
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(frame, pad, "edge")), format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
            container.mux(stream.encode(picture))
            count += 1
        container.mux(stream.encode())
    return count
