import numpy as np

from adapter.training.faces.crop import PIVOT, SIDE
from adapter.training.faces.depth import FACE_WIDTH, RADIUS, distance_map, surface_weights
from adapter.training.faces.pose import Similarity


def _flat_face() -> np.ndarray:
    """A flat grid of 468 points, one face width wide, in the plane of the pivot."""
    axis = np.linspace(-0.5, 0.5, 18)
    x, y = np.meshgrid(axis, np.linspace(-0.5, 0.5, 26))
    points = np.stack([x.ravel(), y.ravel(), np.full(x.size, PIVOT[2])], axis=-1)
    return points + np.random.default_rng(0).normal(0, 1e-4, points.shape) * [1, 1, 0]


def test_surface_points_are_weighted_means_of_three():
    weights = surface_weights(_flat_face())
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert (weights > 0).sum(axis=1).max() <= 3
    assert len(weights) > 5000


def test_a_face_at_the_pivot_is_as_far_as_the_camera():
    face = _flat_face()
    scale, size = 0.4, 512
    pose = Similarity(np.array([scale]), np.eye(3)[None], np.array([[0.5, 0.5, 0.1]]))
    points = pose.apply(face)[0]
    side = SIDE * scale * size
    center = pose.apply(PIVOT[None])[0, 0, :2] * size
    zoom = 256 / side
    matrix = np.array([[zoom, 0, 128 - zoom * center[0]], [0, zoom, 128 - zoom * center[1]]])
    seen = distance_map(points, pose, matrix, surface_weights(face), size, 64, 256)
    middle = seen[26:38, 26:38]
    assert (middle > 0).all()
    np.testing.assert_allclose(middle, RADIUS, atol=0.01)
    covered = (seen > 0).mean()
    assert abs(covered - 1 / SIDE**2) < 0.03
    assert FACE_WIDTH * SIDE > 0.6
