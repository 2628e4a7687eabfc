"""Crops are squares inside their picture, and faces propose one around the whole head."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from adapter.media.crop import Crop, crop_and_resize, frame_face
from adapter.media.images import load_image

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_crop_stays_inside_its_picture():
    image = np.arange(40 * 60 * 3).reshape(40, 60, 3)
    assert np.array_equal(Crop().cut(image), image[:, 10:50])
    assert np.array_equal(Crop(0.0, 0.0, 0.5).cut(image), image[:20, :20])
    assert np.array_equal(Crop(1.0, 1.0, 0.5).cut(image), image[20:, 40:])
    assert np.array_equal(Crop(0.5, 0.5, 0.25).cut(image), image[15:25, 25:35])
    assert Crop(side=0.0).cut(image).shape == (1, 1, 3)


@pytest.mark.parametrize("values", [{"side": 7.0}, {"x": -0.1}, {"y": float("nan")}])
def test_impossible_crops_are_refused(values):
    with pytest.raises(ValidationError):
        Crop(**values)


def test_a_crop_of_the_wanted_size_is_not_resampled():
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    assert np.array_equal(crop_and_resize(image, Crop(), 64), image[:, 16:80])
    assert crop_and_resize(image, Crop(side=0.5), 48).shape == (48, 48, 3)


def test_the_head_of_a_photograph_is_framed():
    from skimage.data import astronaut

    image = astronaut()  # her face spans about 165 to 265 across and 60 to 190 down
    crop = frame_face(image)
    assert crop.found
    height, width = image.shape[:2]
    pixels = crop.side * min(height, width)
    left, right = crop.x * width - pixels / 2, crop.x * width + pixels / 2
    top, bottom = crop.y * height - pixels / 2, crop.y * height + pixels / 2
    assert left < 165 < 265 < right
    assert top < 60 < 190 < bottom
    assert right - left < 300


@pytest.mark.parametrize("name", ["mona-lisa.jpg", "hokusai-woman-with-fan.jpg"])
def test_painted_faces_are_found_wherever_the_picture_puts_them(name: str):
    face = load_image(EXAMPLES / name)
    wide = np.full((512, 1400, 3), 90, np.uint8)
    wide[:, 800:1312] = face
    crop = frame_face(wide)
    assert crop.found
    assert 0.6 < crop.x < 0.9
    assert crop.cut(wide).shape[0] > 250


def test_without_a_face_the_middle_is_framed():
    assert frame_face(np.full((100, 300, 3), 128, np.uint8)) == Crop()
    assert frame_face(np.zeros((32, 32, 3), np.uint8)) == Crop()
    assert frame_face(np.zeros((32, 2000, 3), np.uint8)) == Crop()
