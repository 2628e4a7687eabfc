"""The square around a face has the framing of the base's own pictures."""

import cv2
import numpy as np
import pytest
import torch

from adapter.eg3d import Eg3d, look_at
from adapter.media.alignment import HEADS, Square, align
from adapter.media.face_mesh import Face, find_faces


def _mesh_of(yaw: float, roll: float = 0.0, middle: tuple[float, float] = (100.0, 80.0), width: float = 50.0) -> Face:
    """A face of six points that matter, turned in 3D and then in the picture."""
    points = np.zeros((468, 3))
    points[234], points[454], points[10], points[152] = (-0.5, 0, 0), (0.5, 0, 0), (0, -0.6, 0), (0, 0.6, 0)
    points[33], points[263] = (-0.3, -0.2, -0.3), (0.3, -0.2, -0.3)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return Face(((points @ turn.T @ tilt.T) * width + (*middle, 0)).astype(np.float32), 1.0, 1.0)


def test_corners_of_an_upright_square():
    assert np.allclose(Square(10, 20, 4).corners, [[8, 18], [12, 18], [8, 22]])


@pytest.mark.parametrize("yaw", [-0.8, 0.0, 0.5])
def test_size_does_not_depend_on_the_side_that_a_face_shows(yaw: float):
    assert align(_mesh_of(yaw), HEADS).side == pytest.approx(HEADS.side * 50, rel=1e-4)


@pytest.mark.parametrize("roll", [-0.7, 0.0, 0.4])
def test_a_tilted_face_is_levelled(roll: float):
    square = align(_mesh_of(0.0, roll), HEADS)
    assert square.roll == pytest.approx(roll, abs=1e-4)
    matrix = cv2.getAffineTransform(square.corners, np.array([[0, 0], [1, 0], [0, 1]], np.float32))
    upright = align(_mesh_of(0.0), HEADS)
    straight = cv2.getAffineTransform(upright.corners, np.array([[0, 0], [1, 0], [0, 1]], np.float32))
    eyes = [
        m[:, :2] @ face.points[33, :2] + m[:, 2]
        for m, face in ((matrix, _mesh_of(0.0, roll)), (straight, _mesh_of(0.0)))
    ]
    assert np.allclose(*eyes, atol=1e-3)


@pytest.mark.parametrize("yaw", [-0.4, 0.0, 0.4])
def test_renders_of_the_base_are_framed_as_they_are(yaw: float):
    """A base's own picture needs no other crop than itself."""
    base = Eg3d.from_pretrained("heads")
    latents = torch.randn(4, base.config.z_dim, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        ws = base.mapping(latents, None, 0.8)
        images = base.superresolve(base.render(base.planes(ws), look_at([yaw] * 4)).features, ws)
    pictures = ((images.clamp(-1, 1) + 1) * 127.5).byte().permute(0, 2, 3, 1).numpy()
    for picture in pictures:
        large = cv2.resize(picture, (512, 512), interpolation=cv2.INTER_CUBIC)
        square = align(find_faces(large)[0], HEADS)
        assert square.side == pytest.approx(512, rel=0.08)
        assert (square.x, square.y) == pytest.approx((256, 256), abs=25)
