"""A texture read anywhere on a triangle gives what its vertices say, and nothing of its neighbours."""

import numpy as np
import pytest

from adapter.errors import UserError
from adapter.meshes.atlas import build_atlas
from adapter.meshes.extract import simplify, surface
from tests.helpers.balls import ball_grid


@pytest.fixture(scope="module")
def mesh():
    return simplify(surface(ball_grid(40, 0.8, ((0.05, 0.0, -0.1), 0.25)), 0.0, 0.4), 801)


def read(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear values [K, C] of a texture [T, T, C] at uv [K, 2] from its lower left."""
    side = len(texture)
    x, y = uv[:, 0] * side - 0.5, (1 - uv[:, 1]) * side - 0.5
    left, top = np.floor(x + 1e-6).astype(int), np.floor(y + 1e-6).astype(int)
    right, bottom = np.minimum(left + 1, side - 1), np.minimum(top + 1, side - 1)
    across, down = (x - left)[:, None], (y - top)[:, None]
    upper = texture[top, left] * (1 - across) + texture[top, right] * across
    return upper * (1 - down) + (texture[bottom, left] * (1 - across) + texture[bottom, right] * across) * down


@pytest.mark.parametrize("side", [150, 301])
def test_positions_survive_the_texture(mesh, side: int):
    atlas = build_atlas(mesh, side)
    texture = np.full((side, side, 3), 1e6)  # an unused texel would show
    texture[atlas.rows, atlas.columns] = atlas.spread(mesh.vertices)
    random = np.random.default_rng(0)
    faces = np.concatenate([random.integers(len(mesh.faces), size=4000), [0, len(mesh.faces) - 1]])
    weights = random.dirichlet(np.full(3, 0.4), len(faces))
    corners = atlas.mesh.faces[faces]
    points = np.einsum("kc,kcd->kd", weights, atlas.mesh.vertices[corners])
    uv = np.einsum("kc,kcd->kd", weights, atlas.mesh.uv[corners])
    np.testing.assert_allclose(read(texture, uv), points, atol=1e-4)


def test_all_triangles_are_there_once_and_texels_are_no_two_triangles(mesh):
    atlas = build_atlas(mesh, 200)
    assert atlas.mesh.faces.shape == mesh.faces.shape
    areas = [
        np.sort(np.linalg.norm(np.cross(*(np.diff(one.vertices[one.faces], axis=1).transpose(1, 0, 2))), axis=1))
        for one in (mesh, atlas.mesh)
    ]
    np.testing.assert_allclose(*areas, atol=1e-7)
    places = atlas.rows * atlas.side + atlas.columns
    assert len(np.unique(places)) == len(places)
    assert atlas.mesh.uv.min() >= 0
    assert atlas.mesh.uv.max() <= 1


def test_too_small_a_texture_is_a_sentence(mesh):
    with pytest.raises(UserError, match="texture of at least"):
        build_atlas(mesh, 64)
