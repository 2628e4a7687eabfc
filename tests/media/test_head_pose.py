"""The pose of a mesh is found whatever way the head is turned."""

import numpy as np
import pytest

from adapter.media.head_pose import fit_pose, template


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation [3, 3] of rows: a face turned by angles as `HeadPose` has them."""
    cy, sy, cp, sp, cr, sr = (f(angle) for angle in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(-0.7, 0, 0), (0.4, 0.2, 0), (0, -0.3, 0), (0, 0, 0.5), (0, 0, -0.7)]
)
def test_angles_scale_and_place_are_found(yaw: float, pitch: float, roll: float) -> None:
    points = 50 * (template() @ turned(yaw, pitch, roll)) + [100, 80, 3]
    pose = fit_pose(points)
    assert pose.scale == pytest.approx(50)
    np.testing.assert_allclose(pose.apply(template()), points, atol=1e-6)
    assert pose.yaw == pytest.approx(yaw, abs=1e-6)
    assert pose.pitch == pytest.approx(pitch, abs=1e-6)
    assert pose.roll == pytest.approx(roll, abs=1e-6)


def test_the_template_is_a_frontal_face_of_width_one() -> None:
    points = template()
    assert np.ptp(points[:, 0]) == pytest.approx(1, abs=0.02)
    assert points[1, 2] < points[234, 2]  # the nose is before the ears
    assert points[10, 1] < points[152, 1]  # the forehead is above the chin
    assert fit_pose(points).yaw == pytest.approx(0, abs=1e-6)
