"""One file and one crop give one reference, however the picture is handed over; examples have their own crop."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adapter.errors import UserError
from adapter.media import references
from adapter.media.crop import Crop
from adapter.media.examples import FOLDER, examples
from adapter.media.references import read_reference, suggest_crops

PICTURE = FOLDER / "astronaut.jpg"


def test_examples_are_not_searched_for_faces(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(references, "frame_faces", lambda image, framing: pytest.fail("searched for a face"))
    for example in examples():
        for base in ("faces", "heads"):
            assert suggest_crops(example.pixels, base) == [example.crops[base]]
        assert read_reference(example.path).shape[0] >= 256


def test_the_librarian_is_shown_with_his_hat_and_his_beard():
    librarian = next(example for example in examples() if example.title == "The Librarian")
    height, width, _ = librarian.pixels.shape
    marks = np.zeros((height, width), np.uint8)
    for number, (x, y) in enumerate([(0.5, 0.09), (0.17, 0.38), (0.42, 0.45), (0.66, 0.53), (0.37, 0.9)], 1):
        marks[int(y * height), int(x * width)] = number  # top and side of the hat, nose, ear, end of the beard
    assert set(np.unique(librarian.crops["faces"].cut(marks))) == {0, 1, 2, 3, 4, 5}


def test_paths_bytes_images_and_arrays_are_the_same_picture():
    with Image.open(PICTURE) as image:
        image.load()
    given = (str(PICTURE), PICTURE.read_bytes(), image, np.asarray(image))
    assert all(np.array_equal(read_reference(one), read_reference(PICTURE)) for one in given)


def test_a_crop_can_be_named_or_given():
    photo = np.asarray(Image.open(PICTURE))
    wide = np.pad(photo, ((0, 0), (300, 0), (0, 0)), "edge")
    face, middle = read_reference(wide), read_reference(wide, "middle")
    assert face.shape[0] < middle.shape[0] == wide.shape[0]
    assert np.array_equal(read_reference(wide, Crop()), middle)
    with pytest.raises(UserError, match="'left'"):
        read_reference(wide, "left")


def test_quarter_turns_are_clockwise():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :20] = 255
    turned = read_reference(image, "middle", quarter_turns=1)
    assert (turned[:10] == 255).all()
    assert not turned[15:].any()
    assert np.array_equal(read_reference(image, "middle", 4), read_reference(image, "middle"))


@pytest.mark.parametrize("picture", [np.zeros((8, 8)), np.zeros((8, 8, 3)), Path("nowhere.jpg"), b"no picture"])
def test_unreadable_pictures_are_refused_with_a_sentence(picture):
    with pytest.raises(UserError, match=r"\.$"):
        read_reference(picture)
