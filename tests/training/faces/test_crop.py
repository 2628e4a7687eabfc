import cv2
import numpy as np

from adapter.training.faces.crop import PIVOT, SIDE, crop, crop_matrix, inside
from adapter.training.faces.pose import Similarity


def _pose(roll: float = 0.0, scale: float = 0.4, shift: tuple[float, float] = (0.5, 0.6)) -> Similarity:
    cosine, sine = np.cos(roll), np.sin(roll)
    rotation = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    return Similarity(np.array([scale]), rotation[None], np.array([[*shift, 0.0]]))


def test_pivot_is_in_the_middle_and_the_side_is_as_wide_as_said():
    pose = _pose(roll=0.3)
    matrix = crop_matrix(pose, 512, 256)
    places = pose.apply(PIVOT + np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]]))[0, :, :2] * 512
    seen = places @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(seen[0], [128, 128], atol=1e-3)
    np.testing.assert_allclose(seen[1] - seen[0], [256 / SIDE, 0], atol=1e-3)
    np.testing.assert_allclose(seen[2] - seen[0], [0, 256 / SIDE], atol=1e-3)


def test_crop_puts_a_dot_where_the_matrix_says():
    pose = _pose(roll=-0.2, shift=(0.45, 0.55))
    picture = np.zeros((512, 512, 3), np.uint8)
    cv2.circle(picture, (260, 200), 6, (255, 255, 255), -1)
    cut = crop(picture, pose, 256)
    row, column = np.argwhere(cut.picture[..., 0] > 128).mean(axis=0) + 0.5
    expected = cut.matrix[:, :2] @ [260.5, 200.5] + cut.matrix[:, 2]
    np.testing.assert_allclose([column, row], expected, atol=0.3)


def test_validity_ends_with_the_source_picture():
    matrix = crop_matrix(_pose(scale=0.5, shift=(0.9, 0.5)), 512, 256)
    valid = inside(matrix, 512, 256)
    edge = matrix[0, 0] * 512 + matrix[0, 2]
    assert valid[128, int(edge) - 3]
    assert not valid[128, int(edge) + 1 :].any()
