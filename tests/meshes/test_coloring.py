"""Views of a painted ball give it back its colors; what nobody saw continues them."""

import dataclasses

import numpy as np
import pytest
import torch

from adapter.eg3d import Output, look_at
from adapter.meshes.baking import View, project
from adapter.meshes.coloring import textured, vertex_colored
from adapter.meshes.extract import surface
from adapter.meshes.unseen import fair, fill, visibility
from tests.helpers.balls import ball_grid
from tests.helpers.sphere import RADIUS, ball


def paint(points: np.ndarray) -> np.ndarray:
    """The colors [K, 3] in [0, 1] that `tests.helpers.sphere.ball` has at points [K, 3]."""
    return np.sin(points * 12) * 0.5 + 0.5


@pytest.fixture(scope="module")
def views() -> list[View]:
    cameras = look_at([0.0, 0.8, -0.8], [0.1, 0.0, 0.0])
    return [
        View.of(Output(image, image, depth, opacity), camera)
        for camera in cameras
        for image, depth, opacity in [ball(camera[None])]
    ]


@pytest.fixture(scope="module")
def mesh():
    return surface(ball_grid(40, 0.8, ((0.0, 0.0, 0.0), RADIUS)), 0.0, 0.4)


def test_seen_points_get_their_colors_and_others_no_weight(mesh, views):
    colors, weights = project(mesh.vertices, mesh.normals, views)
    seen = weights > 0.1
    assert seen.mean() > 0.2
    assert np.abs(colors - paint(mesh.vertices))[seen].max() < 0.12
    assert weights[mesh.vertices[:, 2] < -0.2].max() == 0
    assert weights.min() >= 0


def test_points_behind_or_before_what_a_view_shows_get_nothing(views):
    before, on, behind = np.array([[0, 0.02, z] for z in (RADIUS + 0.08, RADIUS - 0.001, RADIUS - 0.08)])
    normal = np.array([[0.0, 0.0, 1.0]])
    assert project(on[None], normal, views[:1])[1] > 0.5
    assert project(before[None], normal, views[:1])[1] == 0
    assert project(behind[None], normal, views[:1])[1] == 0
    assert project(on[None], -normal, views[:1])[1] == 0


def test_vertex_colors_are_sharp_in_front_and_plausible_behind(mesh, views):
    found = vertex_colored(mesh, views).colors / 255
    front, back = mesh.vertices[:, 2] > 0.15, mesh.vertices[:, 2] < -0.15
    assert np.abs(found - paint(mesh.vertices))[front].mean() < 0.03
    seen = visibility(project(mesh.vertices, mesh.normals, views)[1]) > 0.9
    assert found[back].min() >= found[seen].min() - 0.02
    assert found[back].max() <= found[seen].max() + 0.02
    edges = mesh.faces[back[mesh.faces].all(axis=1)][:, :2]
    assert np.abs(np.diff(found[edges], axis=1)).max() < 0.1


def test_the_texture_shows_what_the_vertices_show(mesh, views):
    made = textured(mesh, views, 1200, 256)
    assert made.texture.shape == (256, 256, 3)
    assert len(made.faces) <= 1250
    side = len(made.texture)
    columns, rows = np.round(made.uv[:, 0] * side - 0.5), np.round((1 - made.uv[:, 1]) * side - 0.5)
    read = made.texture[rows.astype(int), columns.astype(int)] / 255
    front = made.vertices[:, 2] > 0.15
    assert np.abs(read - paint(made.vertices))[front].mean() < 0.03


def test_bumps_go_where_nobody_looks_and_stay_where_somebody_does():
    mesh = surface(ball_grid(64, 0.6, ((0.0, 0.0, 0.0), RADIUS)), 0.0, 0.4)
    random = np.random.default_rng(0)
    rough = mesh.vertices + random.normal(0, 0.004, mesh.vertices.shape).astype(np.float32)
    bumpy = dataclasses.replace(mesh, vertices=rough)
    seen = (mesh.vertices[:, 2] > 0).astype(np.float64)
    found = fair(bumpy, seen)
    np.testing.assert_allclose(found.vertices[seen == 1], rough[seen == 1], atol=1e-5)
    back = mesh.vertices[:, 2] < -0.1
    edges = mesh.faces[back[mesh.faces].all(axis=1)][:, :2]
    steps = [np.ptp(np.linalg.norm(points[edges], axis=2), axis=1).mean() for points in (rough, found.vertices)]
    assert steps[1] < 0.5 * steps[0]
    assert np.linalg.norm(found.vertices[back], axis=1).mean() == pytest.approx(RADIUS, rel=0.1)


def test_filling_keeps_what_is_seen(mesh):
    seen = (mesh.vertices[:, 2] > 0).astype(np.float64)
    colors = np.random.default_rng(0).random((len(mesh.vertices), 3))
    found = fill(mesh, colors, seen)
    assert np.abs(found - colors)[seen == 1].max() < 0.05
    assert np.isfinite(found).all()
    assert torch.tensor(found).std() < torch.tensor(colors).std()


def test_without_any_view_colors_stay_finite(mesh):
    found = fill(mesh, np.zeros((len(mesh.vertices), 3)), np.zeros(len(mesh.vertices)))
    assert np.isfinite(found).all()
