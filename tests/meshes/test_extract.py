"""Surfaces of balls: size, orientation, pieces, cuts, and fewer triangles of the same shape."""

import numpy as np
import pytest
import trimesh

from adapter.errors import UserError
from adapter.meshes.extract import simplify, surface
from adapter.meshes.mesh import Mesh, MeshSettings
from tests.helpers.balls import ball_grid

RADIUS = 0.25
BALL = ((0.0, 0.0, 0.0), RADIUS)


def solid(mesh: Mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


@pytest.mark.parametrize("resolution", [32, 47, 64])
def test_a_ball_has_its_size_at_any_resolution(resolution: int):
    mesh = surface(ball_grid(resolution, 0.8, BALL), 0.0, 0.4)
    assert solid(mesh).is_watertight
    assert solid(mesh).volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), RADIUS, atol=0.001)


def test_normals_point_outwards_and_have_unit_length():
    mesh = surface(ball_grid(48, 0.8, BALL), 0.0, 0.4)
    outwards = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    assert (mesh.normals * outwards).sum(axis=1).min() > 0.95
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)


def test_a_higher_level_is_a_smaller_ball():
    mesh = surface(ball_grid(48, 0.8, BALL), 0.1, 0.4)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), RADIUS - 0.1, atol=0.002)


def test_only_the_largest_piece_stays():
    alone = surface(ball_grid(48, 0.8, BALL), 0.0, 0.4)
    mesh = surface(ball_grid(48, 0.8, ((0.33, 0.33, 0.33), 0.06), BALL), 0.0, 0.4)
    assert len(mesh.faces) == len(alone.faces)
    assert np.linalg.norm(mesh.vertices, axis=1).max() < RADIUS + 0.01


def test_a_floor_cuts_flat_and_closed():
    grid = ball_grid(48, 0.8, BALL)
    mesh = surface(grid, 0.0, 0.4, floor=-0.1)
    assert solid(mesh).is_watertight
    floor = mesh.vertices[:, 1].min()
    assert floor == pytest.approx(-0.1, abs=0.8 / 48 / 2)
    flat = mesh.vertices[:, 1] < floor + 1e-6
    assert np.ptp(mesh.vertices[flat][:, [0, 2]], axis=0).min() > 1.8 * np.sqrt(RADIUS**2 - 0.1**2)
    cap = RADIUS + floor
    volume = 4 / 3 * np.pi * RADIUS**3 - np.pi * cap**2 * (3 * RADIUS - cap) / 3
    assert solid(mesh).volume == pytest.approx(volume, rel=0.03)


def test_what_is_beyond_the_kept_cube_is_cut_and_closed():
    mesh = surface(ball_grid(48, 0.8, BALL), 0.0, 0.2)
    assert solid(mesh).is_watertight
    assert np.abs(mesh.vertices).max() == pytest.approx(0.2, abs=0.8 / 48 / 2)


def test_a_solid_volume_closes_at_the_box():
    mesh = surface(ball_grid(32, 0.8, ((0.0, 0.0, 0.0), 2.0)), 0.0, 1.0)
    assert solid(mesh).is_watertight
    assert np.abs(mesh.vertices).max() <= 0.4


def test_no_surface_is_a_sentence():
    with pytest.raises(UserError, match="no surface"):
        surface(ball_grid(32, 0.8, BALL), 5.0, 0.4)


def test_fewer_triangles_keep_the_shape_and_smooth_normals():
    mesh = surface(ball_grid(64, 0.8, BALL), 0.0, 0.4)
    simple = simplify(mesh, 2000)
    assert len(simple.faces) <= 2100 < len(mesh.faces)
    assert solid(simple).volume == pytest.approx(solid(mesh).volume, rel=0.01)
    outwards = simple.vertices / np.linalg.norm(simple.vertices, axis=1, keepdims=True)
    assert (simple.normals * outwards).sum(axis=1).min() > 0.9
    assert simplify(simple, 5000).faces is simple.faces


@pytest.mark.parametrize("values", [{"resolution": 16}, {"resolution": 1000}, {"faces": 5}, {"texture": 10_000}])
def test_unusable_settings_are_refused(values: dict):
    with pytest.raises(UserError, match="Choose"):
        MeshSettings(**values)
