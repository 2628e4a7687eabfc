"""Fifty bad uploads get a sentence each, odd ones work; all within 2 seconds and 300 MB."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adapter.errors import UserError
from adapter.media.images import MAX_SIDE, load_image

from .hostile_uploads import BAD, ODD

SECONDS, MEGABYTES = 2.0, 300
PROC = Path("/proc/self")


@contextlib.contextmanager
def within_limits(name: str) -> Iterator[None]:
    """Fail where the block takes too much time of the processor or too much memory on top of what was there."""
    before, began = restart_peak(), time.process_time()
    yield
    spent, used = time.process_time() - began, (peak() - before) / 1024
    assert spent < SECONDS, f"{name} took {spent:.1f} s"
    assert used < MEGABYTES, f"{name} took {used:.0f} MB"


def restart_peak() -> int:
    """Kilobytes in memory now, from which the peak is counted anew."""
    with contextlib.suppress(OSError):
        (PROC / "clear_refs").write_text("5")
    return peak()


def peak() -> int:
    try:
        return int(re.search(r"VmHWM:\s+(\d+) kB", (PROC / "status").read_text())[1])
    except OSError:
        pytest.skip("memory is measured on Linux")


def test_there_are_fifty_and_more():
    assert len(BAD) >= 50


@pytest.mark.parametrize("name", BAD)
def test_bad_uploads_get_a_sentence(name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(BAD[name]())
    with within_limits(name), pytest.raises(UserError) as caught:
        load_image(path)
    text = str(caught.value)
    assert re.fullmatch(r"[A-Z][^\n]{20,180}\.", text), text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("name", ODD)
def test_odd_uploads_work(name: str, tmp_path: Path):
    make, colour = ODD[name]
    path = tmp_path / name
    path.write_bytes(make())
    assert path.stat().st_size < 25 << 20, "would be refused for its bytes"
    with within_limits(name):
        image = load_image(path)
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert max(image.shape) <= MAX_SIDE
    assert np.abs(image[image.shape[0] // 8, image.shape[1] // 8].astype(int) - colour).max() < 12


def test_turned_pictures_are_upright(tmp_path: Path):
    for name in [name for name in ODD if name.startswith("turned")]:
        path = tmp_path / name
        path.write_bytes(ODD[name][0]())
        image = load_image(path)
        assert image.shape == (80, 64, 3), name
        assert image[60, 32, 2] > 200, name
