"""Sheets put every picture where it belongs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adapter.media.grids import INK, PAPER, pair_sheet, sample_sheet, save_png, sheet


def flat(value: int, size: int = 16) -> np.ndarray:
    return np.full((size, size, 3), value, np.uint8)


def test_sheet_places_rows_of_unequal_length():
    canvas = sheet([[flat(1), flat(2)], [flat(3)]], gap=4)
    assert canvas.shape == (4 + 2 * 20, 4 + 2 * 20, 3)
    assert (canvas[4:20, 4:20] == 1).all()
    assert (canvas[4:20, 24:40] == 2).all()
    assert (canvas[24:40, 4:20] == 3).all()
    assert (canvas[24:40, 24:40] == INK).all()


def test_sheet_refuses_mixed_sizes_and_nothing():
    with pytest.raises(ValueError, match="one size"):
        sheet([[flat(1), flat(2, 8)]])
    with pytest.raises(ValueError, match="one size"):
        sheet([[]])


def test_pairs_have_the_source_left_and_the_target_right():
    people = [10, 20, 30]
    canvas = pair_sheet([flat(p) for p in people], [flat(p + 100) for p in people], tile=32, gap=4, band=40)
    assert canvas.shape == (40 + 3 * 36, 2 * 32 + 3 * 4, 3)
    for i, person in enumerate(people):
        rows = slice(40 + i * 36, 40 + i * 36 + 32)
        assert (canvas[rows, 4:36] == person).all()
        assert (canvas[rows, 40:72] == person + 100).all()
    for half in (canvas[:40, :38], canvas[:40, 38:]):
        assert (half == PAPER).all(axis=-1).any(), "a label is missing"


@pytest.mark.parametrize("count", [4, 7, 12])
def test_many_people_stand_two_in_a_row_and_fit_a_phone(count):
    canvas = pair_sheet([flat(p) for p in range(count)], [flat(p + 100) for p in range(count)], tile=32, gap=4, band=40)
    rows = -(-count // 2)
    assert canvas.shape == (40 + rows * 36, 4 * 32 + 5 * 4, 3)
    for person in range(count):
        row, column = divmod(person, 2)
        top, left = 40 + row * 36, 4 + column * 72
        assert (canvas[top : top + 32, left : left + 32] == person).all()
        assert (canvas[top : top + 32, left + 36 : left + 68] == person + 100).all()
    height, width = pair_sheet([flat(0)] * 12, [flat(1)] * 12).shape[:2]
    assert height * 390 / width < 700
    assert height <= 4096


def test_pairs_need_equally_many_sources_and_targets():
    with pytest.raises(ValueError, match="shorter"):
        pair_sheet([flat(1), flat(2)], [flat(3)])


def test_sample_sheet_puts_targets_under_their_sources():
    sources = [[flat(10 * v + p) for p in range(3)] for v in range(2)]
    targets = [[flat(100 + 10 * v + p) for p in range(3)] for v in range(2)]
    canvas = sample_sheet(sources, targets, tile=48, gap=6)
    margin = 48 // 3
    assert canvas.shape == (6 + 4 * 54, margin + 6 + 3 * 54, 3)
    for v in range(2):
        for p in range(3):
            columns = slice(margin + 6 + p * 54, margin + 6 + p * 54 + 48)
            top = 6 + 2 * v * 54
            assert (canvas[top : top + 48, columns] == 10 * v + p).all()
            assert (canvas[top + 54 : top + 102, columns] == 100 + 10 * v + p).all()


def test_png_is_exact_and_atomic(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    save_png(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert np.array_equal(np.asarray(image), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
