"""Parts of a face by its mesh, and the person around it."""

import numpy as np
import pytest

from adapter.media.face_mesh import POINTS, find_faces
from adapter.media.face_parts import FACE, FEATURES, MOUTH, OUTLINES, facing, mirrored_points, part_mask, person_mask
from adapter.media.images import resize
from adapter.media.references import read_reference
from adapter.utils.paths import EXAMPLES


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return resize(read_reference(EXAMPLES / "astronaut.jpg", base="heads"), 256)


def test_parts_lie_in_the_face_and_the_face_in_the_person(picture: np.ndarray):
    face = find_faces(picture)[0]
    masks = {part: part_mask(face, part, 256, 64) for part in OUTLINES}
    assert all(mask.shape == (64, 64) and mask.min() >= 0 and mask.max() <= 1 for mask in masks.values())
    assert 0.05 < masks[FACE].mean() < 0.5
    assert masks[MOUTH].sum() < masks[FEATURES].sum() < 0.4 * masks[FACE].sum()
    assert (masks[FEATURES] * (1 - masks[FACE])).sum() < 0.1 * masks[FEATURES].sum()
    person = person_mask(picture, face)
    inside = resize((255 * np.repeat(masks[FACE][..., None], 3, axis=2)).astype(np.uint8), 128)[..., 0] > 200
    assert person[inside].mean() > 0.99
    # The wall beside the head is no person, the suit is one.
    assert person[10:60, 4:14].mean() < 0.1
    assert person[110:126, 50:90].mean() > 0.9


def test_mirrored_points_are_pairs():
    order = mirrored_points()
    assert order.shape == (POINTS,)
    assert (order[order] == np.arange(POINTS)).mean() > 0.95
    assert order[33] == 263


def test_a_face_faces_the_camera_more_at_the_nose_than_at_the_ears(picture: np.ndarray):
    toward = facing(find_faces(picture)[0])
    assert toward.shape == (POINTS,)
    assert toward[1] > 0.8
    assert toward[1] > toward[234]
    assert toward[1] > toward[454]
