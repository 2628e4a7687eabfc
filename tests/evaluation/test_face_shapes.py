"""Meshes of people whose true shapes nobody knows: depth at landmarks, and silhouettes."""

import numpy as np
import pytest

from adapter.eg3d import Eg3d, look_at
from adapter.evaluation import face_shapes as module
from adapter.evaluation.face_shapes import landmark_depth_error, surface_depths
from adapter.media.face_mesh import Face
from adapter.media.head_pose import template
from adapter.meshes.mesh import Mesh, MeshSettings


def test_depths_are_those_of_the_nearest_triangle() -> None:
    places = np.array([[0.0, 0], [1, 0], [0, 1], [0.0, 0], [1, 0], [0, 1]])
    depths = np.array([2.0, 2, 2, 3, 1, 1])
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    found = surface_depths(places, depths, triangles, np.array([[0.3, 0.3], [0.01, 0.01], [0.9, 0.9]]))
    # Depth is linear in its inverse over a picture: shares 0.4, 0.3, 0.3 of 1/3, 1, 1.
    assert found[0] == pytest.approx(1 / (0.4 / 3 + 0.6))
    assert found[1] == pytest.approx(2)
    assert np.isinf(found[2])


@pytest.mark.parametrize(("bulge", "error"), [(0.0, 0.0), (0.1, 0.02)])
def test_the_error_is_how_far_the_surface_stands_from_the_landmarks(
    monkeypatch: pytest.MonkeyPatch, bulge: float, error: float
) -> None:
    camera = look_at(0.0)[0].numpy()
    pose, k = camera[:16].reshape(4, 4).astype(float), camera[16:].reshape(3, 3)
    # A bowl in front of the camera: the landmarks lie on it, up to waves of depth.
    y, x = np.mgrid[-0.3:0.3:80j, -0.3:0.3:80j]
    local = np.stack([x, y, 2.7 + x**2 + y**2], axis=-1).reshape(-1, 3)
    quads = np.arange(79 * 80).reshape(79, 80)[:, :79].reshape(-1, 1)
    triangles = np.concatenate([quads + np.array(corners) for corners in ((0, 1, 80), (1, 81, 80))])
    mesh = Mesh((local @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32), triangles.astype(np.int32), local * 0)
    flat = template()[:, :2] * 0.3
    points = np.column_stack([flat, 2.7 + (flat**2).sum(axis=1)])
    depth = points[:, 2] + bulge * 0.3 * np.sin(80 * flat[:, 0])
    pixels = (points[:, :2] / points[:, 2:] * k.diagonal()[:2] + k[:2, 2]) * module.READ_SIDE
    scale = k[0, 0] * module.READ_SIDE / points[:, 2].mean()
    landmarks = np.column_stack([pixels, depth * scale]).astype(np.float32)
    monkeypatch.setattr(module, "find_faces", lambda picture: [Face(landmarks, 1.0, 1.0)])
    found = landmark_depth_error(mesh, np.zeros((64, 64, 3), np.uint8), camera)
    # Perspective makes the landmarks' plane a little wider where it is near.
    assert found == pytest.approx(error, abs=0.012) if not bulge else found > error


def test_without_a_face_the_error_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_faces", lambda picture: [])
    empty = Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32), np.zeros((3, 3), np.float32))
    assert np.isnan(landmark_depth_error(empty, np.zeros((64, 64, 3), np.uint8), look_at(0.0)[0].numpy()))


def test_people_are_measured() -> None:
    pytest.importorskip("numba")
    settings = MeshSettings(resolution=48, trim=False, faces=1000, texture=128)
    (shape,) = module.face_shapes(Eg3d.from_pretrained("heads"), 1, settings)
    assert shape.silhouettes > 0.9
    assert shape.seconds > 0
