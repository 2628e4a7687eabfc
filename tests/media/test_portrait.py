"""Portraits: faces are found, levelled and weighed, and what cannot be used is a sentence within two seconds."""

import io
import time

import cv2
import numpy as np
import pytest
from PIL import Image

from adapter.errors import UserError
from adapter.media.alignment import FACES, HEADS, IN_THE_WILD, framing_of
from adapter.media.crop import Crop
from adapter.media.examples import FOLDER
from adapter.media.images import load_image
from adapter.media.portrait import cut_portrait, describe_portrait, find_portraits


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return load_image(FOLDER / "astronaut.jpg")


def rotated(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("framing", [HEADS, FACES, IN_THE_WILD])
@pytest.mark.parametrize("degrees", [-35, 0, 40])
def test_a_tilted_face_stands_upright_in_the_middle(astronaut, framing, degrees) -> None:
    image = rotated(astronaut, degrees)
    crops = find_portraits(image, framing)
    assert len(crops) == 1
    portrait = cut_portrait(image, crops[0])
    assert portrait.pixels.shape == (*portrait.weight.shape, 3)
    assert portrait.yaw == pytest.approx(0, abs=0.15)
    again = find_portraits(portrait.pixels, framing)[0]
    assert again.roll == pytest.approx(0, abs=0.1)
    assert (again.x, again.y) == pytest.approx((0.5, 0.5), abs=0.05)
    assert again.side == pytest.approx(1, abs=0.1)


def test_what_lies_beyond_the_picture_does_not_count(astronaut) -> None:
    tight = np.ascontiguousarray(astronaut[110:350, 165:375])
    crop = find_portraits(tight, FACES)[0]
    portrait = cut_portrait(tight, crop)
    assert (portrait.weight == 0).mean() > 0.05
    middle = portrait.weight.shape[0] // 2
    assert portrait.weight[middle, middle] > 250
    assert "does not count" in describe_portrait([crop], 0)


def test_several_faces_can_be_chosen_from(astronaut) -> None:
    small = cv2.resize(astronaut, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    both = np.full((astronaut.shape[0], astronaut.shape[1] + small.shape[1], 3), 255, np.uint8)
    both[:, : astronaut.shape[1]] = astronaut
    both[: small.shape[0], astronaut.shape[1] :] = small
    crops = find_portraits(both, FACES)
    assert len(crops) == 2
    assert crops[0].side > crops[1].side
    assert "Choose one" in describe_portrait(crops, 0)


@pytest.mark.parametrize("noise", [False, True])
def test_without_a_face_the_square_is_moved_by_hand(noise) -> None:
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (300, 400, 3), np.uint8) if noise else np.full((300, 400, 3), 90, np.uint8)
    assert find_portraits(image, FACES) == []
    assert "Move the square" in describe_portrait([], 0)
    portrait = cut_portrait(image, Crop(side=0.8))
    assert portrait.yaw is None
    assert portrait.weight.max() == 255


def test_a_head_of_few_pixels_is_a_sentence(astronaut) -> None:
    with pytest.raises(UserError, match="pixels wide"):
        cut_portrait(astronaut, Crop(side=0.05))


@pytest.mark.parametrize(
    ("base", "framing"), [("heads", HEADS), ("checkpoints/faces", FACES), ("ffhq512", IN_THE_WILD)]
)
def test_every_base_has_a_framing(base, framing) -> None:
    assert framing_of(base) is framing


def saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


BAD = {
    "empty": b"",
    "text": b"hello",
    "truncated": saved(Image.new("RGB", (300, 300)), "JPEG")[:200],
    "HEIC": b"\x00\x00\x00\x18ftypheic" + bytes(100),
    "video": b"\x00\x00\x00\x18ftypisom" + bytes(1000),
    "tiny": saved(Image.new("RGB", (8, 8)), "PNG"),
    "huge": saved(Image.new("L", (12000, 12000)), "PNG"),
}


@pytest.mark.parametrize("kind", BAD)
def test_unreadable_files_are_a_sentence_within_two_seconds(kind) -> None:
    started = time.process_time()
    with pytest.raises(UserError):
        load_image(BAD[kind])
    assert time.process_time() - started < 2


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "L", "P"])
def test_other_kinds_of_pictures_are_read(astronaut, mode) -> None:
    image = Image.fromarray(astronaut).convert(mode)
    data = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    assert len(find_portraits(load_image(data), FACES)) == 1
