"""The detector frames the heads of the shipped references and says when it finds none."""

from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut

from adapter.media.faces import Crop, find_head
from adapter.media.images import crop_square, load_image

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_head_of_a_photograph_is_framed():
    crop = find_head(astronaut())
    assert crop.found
    left, right = (crop.x - crop.side / 2) * 512, (crop.x + crop.side / 2) * 512
    top, bottom = (crop.y - crop.side / 2) * 512, (crop.y + crop.side / 2) * 512
    assert left < 165 < 265 < right  # her face spans about 165 to 265 across and 60 to 190 down
    assert top < 60 < 190 < bottom
    assert right - left < 300


@pytest.mark.parametrize("name", ["mona-lisa.jpg", "hokusai-woman-with-fan.jpg"])
def test_painted_faces_are_found_wherever_the_picture_puts_them(name: str):
    face = load_image(EXAMPLES / name)
    wide = np.full((512, 1400, 3), 90, np.uint8)
    wide[:, 800:1312] = face
    crop = find_head(wide)
    assert crop.found
    assert 0.6 < crop.x < 0.9
    square = crop_square(wide, (crop.x, crop.y), crop.side)
    assert square.shape[0] == square.shape[1] > 250


def test_no_face_gives_the_middle_square():
    assert find_head(np.full((100, 300, 3), 128, np.uint8)) == Crop()
    assert find_head(np.zeros((32, 32, 3), np.uint8)) == Crop()
    assert find_head(np.zeros((32, 2000, 3), np.uint8)) == Crop()
