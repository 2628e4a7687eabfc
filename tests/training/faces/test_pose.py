import numpy as np
import pytest

from adapter.training.faces.pose import Similarity, angles, fit, mean_template, residual


def _turn(yaw: float, pitch: float) -> np.ndarray:
    """Rotation whose rows are where the template's axes point."""
    forward = np.array([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    across = np.cross(np.array([0.0, -1.0, 0.0]), forward)
    across /= np.linalg.norm(across)
    down = np.cross(-forward, across)
    return np.stack([across, down, -forward])


def _template(seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(468, 3)) * [0.3, 0.4, 0.1]
    return points - points.mean(axis=0)


def test_fit_finds_the_similarity_that_made_the_points():
    template = _template()
    rotation = np.stack([_turn(0.5, -0.2), _turn(-0.3, 0.1)])
    made = Similarity(np.array([0.4, 1.7]), rotation, np.array([[0.1, 0.2, 0.3], [-1.0, 0.0, 2.0]]))
    found = fit(template, made.apply(template))
    for a, b in zip(found, made, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    np.testing.assert_allclose(residual(template, made.apply(template), found), 0, atol=1e-9)


def test_undo_is_the_inverse_of_apply():
    points = _template(3)
    made = Similarity(np.array([0.7]), _turn(0.4, 0.3)[None], np.array([[0.1, 0.2, 0.3]]))
    np.testing.assert_allclose(made.undo(made.apply(points))[0], points, atol=1e-12)


def test_angles_are_those_of_the_rotation():
    found = angles(np.stack([_turn(0.5, -0.2), np.eye(3)]))
    np.testing.assert_allclose(found.yaw, [0.5, 0], atol=1e-12)
    np.testing.assert_allclose(found.pitch, [-0.2, 0], atol=1e-12)
    np.testing.assert_allclose(found.roll, [0, 0], atol=1e-9)


def test_template_of_turned_copies_is_the_shape_itself():
    shape = _template(1)
    turns = np.stack([_turn(yaw, pitch) for yaw, pitch in ((0.4, 0.1), (-0.4, -0.1), (0.2, 0), (-0.2, 0))])
    copies = Similarity(np.array([1.0, 2.0, 3.0, 0.5]), turns, np.zeros((4, 3))).apply(shape)
    template = mean_template(copies)
    assert np.ptp(template[:, 0]) == pytest.approx(1, abs=1e-12)  # it is divided by its own width
    assert residual(template, copies, fit(template, copies)).max() < 1e-6
