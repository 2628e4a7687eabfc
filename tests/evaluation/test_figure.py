from pathlib import Path

import numpy as np
import pytest
import torch

from adapter.evaluation.figure import GAP, HEADER, LABEL, compose, read_strip, strip
from adapter.media.grids import save_png


def test_strips_stand_side_by_side_and_survive_the_disk(tmp_path: Path) -> None:
    images = torch.stack([torch.full((3, 8, 8), value) for value in (-1.0, 0.0, 1.0)])
    picture = strip(images)
    assert picture.shape == (8, 24, 3)
    assert picture[0, ::8, 0].tolist() == [0, 128, 255]
    save_png(tmp_path / "a.png", picture)
    assert (read_strip(tmp_path / "a.png") == picture).all()
    assert strip(images, 16).shape == (16, 48, 3)


def test_every_strip_stands_in_its_row_and_column() -> None:
    wide = {name: np.full((8, 24, 3), value, np.uint8) for name, value in (("a", 200), ("b", 100))}
    narrow = {"a": np.full((8, 8, 3), 50, np.uint8)}
    sheet = compose({"reference": narrow, "method": wide}, ["a", "b"])
    assert sheet.shape == (HEADER + 2 * (8 + GAP), LABEL + 2 * (24 + 2 * GAP), 3)
    assert (sheet[HEADER : HEADER + 8, LABEL + 8 : LABEL + 16] == 50).all()
    second = HEADER + 8 + GAP
    assert (sheet[second : second + 8, LABEL : LABEL + 24] == 200).all()
    start = LABEL + 24 + 2 * GAP
    assert (sheet[second : second + 8, start : start + 24] == 100).all()
    assert not (sheet[HEADER : HEADER + 8, start : start + 24] > 60).any()


def test_a_figure_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        compose({"a": {}}, ["x"])
