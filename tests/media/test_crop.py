"""Crops are squares inside their picture, and faces propose one around the whole head."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from adapter.media.crop import REFERENCE_SIDE, Crop, crop_and_resize, describe_crop, frame_face
from adapter.media.images import load_image, resize

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_crop_stays_inside_its_picture():
    image = np.arange(40 * 60 * 3).reshape(40, 60, 3)
    assert np.array_equal(Crop().cut(image), image[:, 10:50])
    assert np.array_equal(Crop(0.0, 0.0, 0.5).cut(image), image[:20, :20])
    assert np.array_equal(Crop(1.0, 1.0, 0.5).cut(image), image[20:, 40:])
    assert np.array_equal(Crop(0.5, 0.5, 0.25).cut(image), image[15:25, 25:35])
    assert Crop(side=0.0).cut(image).shape == (1, 1, 3)


@pytest.mark.parametrize("values", [{"side": 7.0}, {"x": -1.1}, {"y": float("nan")}, {"roll": 4.0}])
def test_impossible_crops_are_refused(values):
    with pytest.raises(ValidationError):
        Crop(**values)


def test_a_crop_of_the_wanted_size_is_not_resampled():
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    assert np.array_equal(crop_and_resize(image, Crop(), 64), image[:, 16:80])
    assert crop_and_resize(image, Crop(side=0.5), 48).shape == (48, 48, 3)


def test_the_head_of_a_photograph_is_framed():
    from skimage.data import astronaut

    image = astronaut()  # her face spans about 165 to 265 across and 60 to 180 down
    crop = frame_face(image)
    assert crop.found
    height, width = image.shape[:2]
    pixels = crop.side * min(height, width)
    left, right = crop.x * width - pixels / 2, crop.x * width + pixels / 2
    top, bottom = crop.y * height - pixels / 2, crop.y * height + pixels / 2
    assert left < 165 < 265 < right
    assert top < 60 < 180 < bottom
    assert right - left < 420  # as large as heads stand in the base's own pictures


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


def test_a_turned_square_turns_the_picture_back():
    """What was turned clockwise by an angle stands straight in a square turned by that angle."""
    ramp = np.repeat(np.linspace(0, 255, 200).astype(np.uint8)[:, None], 200, axis=1)
    upright = np.stack([ramp] * 3, axis=2)
    matrix = cv2.getRotationMatrix2D((99.5, 99.5), -20, 1.0)  # clockwise in pixels whose y points down
    turned = cv2.warpAffine(upright, matrix, (200, 200), borderMode=cv2.BORDER_REFLECT_101)
    back = Crop(side=0.5, roll=np.radians(20)).cut(turned)
    assert back.shape == (200, 200, 3), "sampled twice as densely, so that nothing is lost"
    assert np.abs(resize(back, 100).astype(int) - upright[50:150, 50:150]).max() <= 4


def test_what_lies_beyond_the_picture_continues_its_edge():
    image = np.full((40, 40, 3), 200, np.uint8)
    image[:20] = 60
    wide = Crop(side=2.0, inside=False).cut(image)
    assert wide.shape == (80, 80, 3)
    assert np.abs(wide[20:60, 20:60].astype(int) - image).max() <= 1  # the picture itself is kept
    assert np.abs(wide[:10].astype(int) - 60).max() <= 5
    assert np.abs(wide[70:].astype(int) - 200).max() <= 5


@pytest.mark.parametrize("degrees", [-45, -25, 15, 40])
def test_a_tilted_head_is_levelled(degrees: int):
    image = load_image(EXAMPLES / "astronaut.jpg")
    matrix = cv2.getRotationMatrix2D((255.5, 255.5), -degrees, 1.0)
    tilted = cv2.warpAffine(image, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    straight = frame_face(image)
    crop = frame_face(tilted)
    assert np.degrees(crop.roll) == pytest.approx(degrees, abs=5)
    assert "tilted" in describe_crop(crop)
    same = np.abs(
        crop_and_resize(tilted, crop, 64)[10:54, 10:54].astype(int) - crop_and_resize(image, straight, 64)[10:54, 10:54]
    )
    assert same.mean() < 20


@pytest.mark.parametrize("side", [260, 400])
def test_a_turned_square_loses_no_detail(side: int):
    """Waves of known frequencies, turned: what comes out is what the waves are there."""
    frequencies = np.random.default_rng(0).uniform(-0.35, 0.35, (60, 2))
    frequencies = frequencies[np.hypot(*frequencies.T) * side / REFERENCE_SIDE < 0.35][:20]

    def waves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 127 + 100 / len(frequencies) * sum(np.cos(2 * np.pi * (a * x + b * y)) for a, b in frequencies)

    width, roll = 2 * side, np.radians(13)
    y, x = np.mgrid[:width, :width] + 0.5
    image = np.round(waves(x, y)).astype(np.uint8)[..., None].repeat(3, axis=2)
    cut = crop_and_resize(image, Crop(0.5, 0.5, 0.5, True, float(roll)), REFERENCE_SIDE)[..., 0]
    across, down = np.meshgrid(*2 * [side * ((np.arange(REFERENCE_SIDE) + 0.5) / REFERENCE_SIDE - 0.5)])
    true = waves(side + across * np.cos(roll) - down * np.sin(roll), side + across * np.sin(roll) + down * np.cos(roll))
    error = (cut - true)[8:-8, 8:-8]
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 46


@pytest.mark.parametrize("share", [0.5, 0.65, 0.8])
def test_a_tight_picture_is_filled_up_to_the_same_framing(share: float):
    image = load_image(EXAMPLES / "astronaut.jpg")
    whole = frame_face(image)
    tight = Crop(whole.x, whole.y, share * whole.side).cut(image)
    crop = frame_face(tight)
    assert crop.side == pytest.approx(1 / share, rel=0.08)
    assert not crop.inside
    assert "continued" in describe_crop(crop)
    assert frame_face(crop.cut(tight)).side == pytest.approx(1.0, abs=0.08)


def test_several_faces_are_told():
    face = load_image(EXAMPLES / "astronaut.jpg")
    crop = frame_face(np.concatenate([face, cv2.resize(face, (512, 512))[:, ::-1]], axis=1))
    assert crop.faces == 2
    assert describe_crop(crop).startswith("2 faces")
    assert "No face" in describe_crop(Crop())
