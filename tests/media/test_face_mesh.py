"""The detector and the mesh find faces in photographs, paintings, statues and prints, wherever they stand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from adapter.media.face_mesh import LEFT_EYE, RIGHT_EYE, find_faces
from adapter.media.images import load_image

EXAMPLES = Path(__file__).parents[2] / "examples"
WITH_FACE = (
    "astronaut",
    "mona-lisa",
    "bronze",
    "jade",
    "neon",
    "toon",
    "watercolour",
    "zombie",
    "hokusai-woman-with-fan",
    "arcimboldo-librarian",
)


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.asarray(load_image(EXAMPLES / "astronaut.jpg"))


@pytest.mark.parametrize("name", WITH_FACE)
def test_one_face_is_found(name: str):
    assert len(find_faces(np.asarray(load_image(EXAMPLES / f"{name}.jpg")))) == 1


def test_a_face_of_flowers_in_profile_is_none():
    assert not find_faces(np.asarray(load_image(EXAMPLES / "arcimboldo-spring.jpg")))


@pytest.mark.parametrize("shape", [(40, 300, 3), (300, 40, 3), (33, 33, 3)])
def test_pictures_without_a_face_have_none(shape: tuple[int, ...]):
    assert not find_faces(np.full(shape, 128, np.uint8))


@pytest.mark.parametrize("degrees", [-45, -20, 20, 45])
def test_a_turned_picture_turns_the_face(astronaut: np.ndarray, degrees: float):
    side = len(astronaut)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), -degrees, 1.0)
    upright = find_faces(astronaut)[0]
    turned = find_faces(cv2.warpAffine(astronaut, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE))[0]
    expected = upright.points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert np.degrees(turned.roll - upright.roll) == pytest.approx(degrees, abs=4)
    assert np.linalg.norm(turned.points[:, :2] - expected, axis=1).mean() < 0.04 * upright.width


def test_two_people_are_two_faces_the_larger_first(astronaut: np.ndarray):
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    both = np.full((512, 800, 3), 200, np.uint8)
    both[:, :512], both[200:456, 530:786] = astronaut, small
    first, second = find_faces(both)
    assert first.width == pytest.approx(2 * second.width, rel=0.1)
    assert first.points[:, 0].max() < 512 < second.points[:, 0].min()


def test_eyes_are_named_by_their_side_of_the_picture(astronaut: np.ndarray):
    points = find_faces(astronaut)[0].points
    assert points[LEFT_EYE, 0] < points[RIGHT_EYE, 0]


def test_axes_are_orthonormal(astronaut: np.ndarray):
    axes = find_faces(astronaut)[0].axes
    assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-5)
    assert axes[2, 2] < -0.8  # this face looks at the camera, and z points away from it
