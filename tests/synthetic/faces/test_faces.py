"""Styles over people of the base `faces`."""

import dataclasses

import numpy as np
import pytest
import torch

from adapter.eg3d import Eg3d
from adapter.eg3d.camera import cameras_around_front
from adapter.errors import UserError
from adapter.evaluation.classifier import load_classifier
from adapter.synthetic.faces import Portrait, take_portrait, view_of
from adapter.synthetic.faces.ground_truth import FacesGroundTruth
from adapter.synthetic.faces.references import portrait
from adapter.synthetic.ground_truth import PLAIN
from adapter.synthetic.heads.paint import SEGMENTS
from adapter.synthetic.styles import STYLES, View


@pytest.fixture(scope="module")
def base() -> Eg3d:
    return Eg3d.from_pretrained("faces")


@pytest.fixture(scope="module")
def taken(base: Eg3d) -> Portrait:
    ws = base.sample_ws(torch.zeros(1, 512) + 0.1, 0.5)
    return take_portrait(base, ws, cameras_around_front(base.config, 0.0))


@pytest.fixture(scope="module")
def view(taken: Portrait) -> View:
    return view_of(taken)


def _center(view: View, *names: str) -> np.ndarray:
    """Mean row and column of parts, in image sides."""
    found = np.isin(view.segmentation, [SEGMENTS.index(name) for name in names])
    assert found.any(), names
    return np.argwhere(found).mean(axis=0) / view.size


def test_parts_lie_where_a_frontal_face_has_them(view):
    brow, eye, lips = (_center(view, name) for name in ("brow", "iris", "lips"))
    assert brow[0] < eye[0] < lips[0]
    hair = np.argwhere(view.segmentation == SEGMENTS.index("hair"))[:, 0] / view.size
    assert hair.min() < brow[0] - 0.1
    for place in (brow, eye, lips):
        assert abs(place[1] - 0.5) < 0.06


def test_normals_are_unit_vectors_that_face_the_camera(view):
    length = np.linalg.norm(view.normals, axis=-1)
    assert (np.abs(length[view.inside] - 1) < 1e-3).mean() > 0.999
    assert not length[~view.inside].any()
    skin = view.segmentation == SEGMENTS.index("skin")
    assert view.facing[skin][:, 2].mean() > 0.6
    left, right = skin.copy(), skin.copy()
    left[:, view.size // 2 :] = False
    right[:, : view.size // 2] = False
    assert view.facing[left][:, 0].mean() < -0.1
    assert view.facing[right][:, 0].mean() > 0.1


def test_light_times_albedo_is_the_color(view):
    restored = view.albedo * np.maximum(view.light, 0.2)[..., None]
    inside = view.inside & (view.albedo.max(axis=-1) < 0.99)
    assert np.abs(restored - view.color)[inside].mean() < 0.08


def test_a_style_changes_the_person_and_nothing_is_undefined(view):
    for name in ("bronze", "zombie", "pencil sketch"):
        drawn = STYLES[name].draw(view)
        assert np.isfinite(drawn).all()
        assert np.abs(drawn - view.color)[view.inside].mean() > 0.05, name


def test_without_a_face_there_is_a_sentence(taken):
    with pytest.raises(UserError, match="No face"):
        view_of(dataclasses.replace(taken, color=np.full_like(taken.color, 0.5)))


def test_true_pictures_and_shapes_are_those_of_the_base(base):
    truth = FacesGroundTruth(base, load_classifier())
    latents = truth.latents(2, 5) * 0.5
    cameras = cameras_around_front(base.config, [0.2, -0.2])
    plain, bronze = truth.images(PLAIN, latents, cameras), truth.images("bronze", latents, cameras)
    ws = base.sample_ws(latents)
    own = base.synthesis(ws, cameras)
    assert (plain - own.image.clamp(-1, 1)).abs().max() < 0.02
    assert (bronze - plain).abs().mean() > 0.05
    depth, mask = truth.shape(latents, cameras, 64)
    solid = (mask > 0.95) & (own.opacity > 0.95)
    assert (depth - own.depth)[solid].abs().median() < 0.01
    assert len(truth.labels(latents, "sex")) == 2


def test_references_show_a_person_of_their_own(base):
    first, second = (np.asarray(portrait(base, "toon", seed, 128)) for seed in (14, 15))
    assert first.shape == (128, 128, 3)
    assert np.abs(first.astype(int) - second).mean() > 5
