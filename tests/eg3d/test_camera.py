import dataclasses
import math

import pytest
import torch

from adapter.eg3d import PRESETS, SwingPath, camera_label, cameras_around_front, frontal_label, look_at


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


def test_cameras_stand_around_the_origin_and_look_at_the_pivot():
    matrix, pivot = pose(look_at(0.5, -0.1, radius=2.0, pivot=(0.1, 0.2, 0.3))), torch.tensor([0.1, 0.2, 0.3])
    assert float(matrix[:3, 3].norm()) == pytest.approx(2, abs=1e-5)
    distance = (pivot - matrix[:3, 3]).norm()
    torch.testing.assert_close(matrix[:3, 3] + distance * matrix[:3, 2], pivot, rtol=0, atol=1e-5)
    torch.testing.assert_close(matrix[:3, :3] @ matrix[:3, :3].T, torch.eye(3), rtol=0, atol=1e-5)
    assert float(torch.det(matrix[:3, :3])) == pytest.approx(1, abs=1e-5)


def test_angles_broadcast():
    assert look_at([0.1, 0.2, 0.3], 0.0).shape == (3, 25)


def test_a_bases_cameras_follow_its_configuration():
    config = PRESETS["shapenetcars128"]
    label = cameras_around_front(config, torch.tensor([0.2, 0.4]), 0.1, zoom=2.0)
    torch.testing.assert_close(label, look_at([0.2, 0.4], 0.1, 1.7, (0.0, 0.0, 0.0), 2 * 1.7074))


def test_only_conditional_bases_have_a_frontal_label():
    config = PRESETS["ffhq512"]
    torch.testing.assert_close(frontal_label(config, 2), look_at([0.0, 0.0], pivot=(0.0, 0.0, 0.2)))
    assert frontal_label(dataclasses.replace(config, conditioning=0)) is None


def test_labels_hold_pose_and_intrinsics():
    label = camera_label(torch.eye(4).repeat(2, 1, 1), 1.5)
    assert label[:, 16:].tolist() == [[1.5, 0, 0.5, 0, 1.5, 0.5, 0, 0, 1]] * 2
    assert torch.equal(label[:, :16], torch.eye(4).flatten().repeat(2, 1))


def test_the_orbit_closes():
    path = SwingPath(frames=12)
    assert len(path.order) == 12
    assert set(path.order) == set(range(len(path.poses)))
    steps = [abs(a - b) for a, b in zip(path.order, [*path.order[1:], path.order[0]], strict=True)]
    assert steps == [1] * 12
