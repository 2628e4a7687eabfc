"""MP4 files decode back to what was put in, and appear complete or not at all."""

from pathlib import Path

import av
import numpy as np
import pytest

from adapter.media.video import write_mp4


def clip(count: int, height: int, width: int):
    y, x = np.mgrid[:height, :width]
    for i in range(count):
        frame = np.stack([x * 255 / width, y * 255 / height, np.full_like(x, 20 * i, dtype=float)], axis=-1)
        yield frame.astype(np.uint8)


def decode(path: Path) -> tuple[av.video.stream.VideoStream, list[np.ndarray]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        facts = (
            stream.codec_context.name,
            stream.codec_context.pix_fmt,
            stream.width,
            stream.height,
            stream.average_rate,
        )
    return facts, frames


def test_decodes_back(tmp_path: Path):
    path = tmp_path / "clip.mp4"
    assert write_mp4(path, clip(10, 64, 96), fps=12) == 10
    facts, frames = decode(path)
    assert facts == ("h264", "yuv420p", 96, 64, 12)
    assert len(frames) == 10
    for got, put in zip(frames, clip(10, 64, 96), strict=True):
        assert np.abs(got.astype(int) - put).mean() < 6


def test_pictures_shown_more_than_once(tmp_path: Path):
    path, order = tmp_path / "loop.mp4", [2, 3, 4, 3, 2, 1, 0, 1]
    pictures = list(clip(5, 64, 96))
    assert write_mp4(path, iter(pictures), fps=8, order=order) == 8
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    assert [round(frame.time * 8) for frame in decoded] == list(range(8))
    for frame, place in zip(decoded, order, strict=True):
        off = [np.abs(frame.to_ndarray(format="rgb24").astype(int) - picture).mean() for picture in pictures]
        assert int(np.argmin(off)) == place


def test_colours_survive_and_are_tagged(tmp_path: Path):
    for colour in ((220, 40, 30), (30, 200, 60), (40, 60, 220), (255, 255, 255), (0, 0, 0)):
        frame = np.full((64, 64, 3), colour, np.uint8)
        write_mp4(tmp_path / "flat.mp4", [frame])
        with av.open(str(tmp_path / "flat.mp4")) as container:
            picture = next(container.decode(video=0))
            assert (picture.colorspace, picture.color_range) == (1, 1)
            got = picture.to_ndarray(format="rgb24")
        assert np.abs(got.astype(int) - frame).max() <= 6


def test_odd_sizes_are_padded(tmp_path: Path):
    write_mp4(tmp_path / "odd.mp4", clip(3, 33, 51))
    facts, frames = decode(tmp_path / "odd.mp4")
    assert facts[2:4] == (52, 34)
    assert frames[0].shape == (34, 52, 3)


def test_the_index_comes_first(tmp_path: Path):
    write_mp4(tmp_path / "clip.mp4", clip(30, 64, 64))
    data = (tmp_path / "clip.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_a_failing_source_of_frames_leaves_nothing(tmp_path: Path):
    def frames():
        yield from clip(5, 64, 64)
        raise RuntimeError("renderer stopped")

    with pytest.raises(RuntimeError, match="renderer stopped"):
        write_mp4(tmp_path / "clip.mp4", frames())
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path):
    path = tmp_path / "clip.mp4"
    write_mp4(path, clip(4, 64, 64))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="differ in size"):
        write_mp4(path, [np.zeros((64, 64, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_no_frames_is_an_error(tmp_path: Path):
    with pytest.raises(ValueError, match="at least one frame"):
        write_mp4(tmp_path / "none.mp4", [])
    assert list(tmp_path.iterdir()) == []
