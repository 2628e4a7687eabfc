import math

import pytest
import torch

from adapter.eg3d import camera_label, look_at, lookat_equal_area, orbit
from adapter.eg3d.camera import focal_from_diagonal_fov


def pose(label):
    return label[0, :16].view(4, 4)


def test_frontal_camera():
    expected = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))
    expected[2, 3] = 2.7
    label = look_at(0.0)
    torch.testing.assert_close(pose(label), expected)
    assert label[0, 16:].tolist() == pytest.approx([4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1])


def test_yaw_moves_to_the_right_and_pitch_up_by_true_angles():
    position = pose(look_at(0.3, 0.2, radius=2.0))[:3, 3]
    expected = [math.sin(0.3) * math.cos(0.2), math.sin(0.2), math.cos(0.3) * math.cos(0.2)]
    assert position.tolist() == pytest.approx([2 * value for value in expected], abs=1e-6)


def test_look_at_turns_around_its_pivot():
    matrix = pose(look_at(0.5, -0.1, radius=2.0, pivot=(0.1, 0.2, 0.3)))
    centre = torch.tensor([0.1, 0.2, 0.3])
    torch.testing.assert_close(matrix[:3, 3] + 2 * matrix[:3, 2], centre, rtol=0, atol=1e-5)
    torch.testing.assert_close(matrix[:3, :3] @ matrix[:3, :3].T, torch.eye(3), rtol=0, atol=1e-5)
    assert float(torch.det(matrix[:3, :3])) == pytest.approx(1, abs=1e-5)


def test_angles_broadcast():
    assert look_at([0.1, 0.2, 0.3], 0.0).shape == (3, 25)


@pytest.mark.parametrize(("offset", "degrees"), [(0.2, 7.31), (-0.2, -7.31), (0.5, 18.56)])
def test_equal_area_pitch_is_no_angle(offset, degrees):
    label = lookat_equal_area(math.pi / 2, math.pi / 2 - offset, pivot=(0.0, 0.0, 0.0))
    latitude = math.degrees(math.asin(float(pose(label)[1, 3]) / 2.7))
    assert latitude == pytest.approx(degrees, abs=0.01)


def test_equal_area_frontal_and_yaw():
    torch.testing.assert_close(
        lookat_equal_area(math.pi / 2, math.pi / 2, pivot=(0.0, 0.0, 0.0)), look_at(0.0), rtol=0, atol=1e-5
    )
    turned = pose(lookat_equal_area(math.pi / 2 + 0.4, math.pi / 2))
    assert float(turned[0, 3]) == pytest.approx(2.7 * math.sin(0.4), abs=1e-5)
    forward = turned[:3, 2]
    towards = torch.nn.functional.normalize(torch.tensor([0.0, 0.0, 0.2]) - turned[:3, 3], dim=0)
    torch.testing.assert_close(forward, towards, rtol=0, atol=1e-5)


def test_poles_stay_finite():
    assert lookat_equal_area(1.0, 0.0).isfinite().all()


def test_orbit_closes_with_even_steps():
    labels = orbit(12, yaw=0.3, pitch=0.1)
    assert labels.shape == (12, 25)
    again = orbit(24, yaw=0.3, pitch=0.1)[::2]
    torch.testing.assert_close(labels, again, rtol=0, atol=1e-6)
    steps = (labels - labels.roll(1, 0))[:, :16].norm(dim=1)
    # The step from the last frame to the first is like the others.
    assert steps[0] <= steps.max() * 1.01
    assert steps.min() > 0


def test_focal_of_a_diagonal_field_of_view():
    assert focal_from_diagonal_fov(18.837) == pytest.approx(4.26339, abs=1e-4)


def test_labels_hold_a_focal_length_per_camera():
    matrices = torch.eye(4).repeat(2, 1, 1)
    assert camera_label(matrices, torch.tensor([1.0, 2.0]))[:, 16].tolist() == [1.0, 2.0]
