"""What references look like decides how a target is trained: without color, with noise of the surface."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from adapter.adaptation import loop
from adapter.adaptation.domain import Domain, blend
from adapter.adaptation.looks import Looks, is_colorless, is_textured
from adapter.eg3d.camera import cameras_around_front
from adapter.losses.face_view import FaceViews
from adapter.methods import Stage
from tests.adaptation.conftest import METHOD, run
from tests.losses.test_mesh_guide import MIRROR, view

RANDOM = torch.Generator().manual_seed(0)
SMOOTH = F.interpolate(torch.rand(1, 3, 4, 4, generator=RANDOM) * 2 - 1, size=(256, 256), mode="bicubic")
EDGES = torch.where(SMOOTH > 0, 0.8, -0.8)
GRAIN = SMOOTH + 0.05 * torch.randn(1, 1, 256, 256, generator=RANDOM)
GRAY_GRAIN = GRAIN.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
PEOPLE = dataclasses.replace(METHOD, people=METHOD)


@pytest.fixture(autouse=True)
def shown_people(monkeypatch):
    monkeypatch.setattr(loop, "shows_people", lambda sources: True)
    monkeypatch.setattr(loop, "read_faces", lambda sources, references: (None, ""))


@pytest.fixture(scope="module")
def noisy(generator, encoder):
    """All events of a run with a grainy reference without color."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "shows_people", lambda sources: True)
        patch.setattr(loop, "read_faces", lambda sources, references: (None, ""))
        return run(generator, encoder, GRAY_GRAIN, PEOPLE)


def test_only_pictures_that_differ_in_brightness_alone_are_colorless():
    gray = SMOOTH.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    assert is_colorless(gray)
    assert is_colorless(gray + torch.tensor([0.1, 0.05, -0.1]).view(3, 1, 1)), "paper may have a tint"
    assert not is_colorless(SMOOTH)
    assert not is_colorless(torch.cat([gray, SMOOTH]))


def test_only_grain_is_texture_not_edges():
    assert is_textured(GRAIN)
    assert is_textured(F.interpolate(GRAIN, scale_factor=2, mode="nearest")), "at any size"
    assert not is_textured(SMOOTH)
    assert not is_textured(EDGES)
    assert not is_textured(torch.zeros(1, 3, 32, 32))
    assert Looks.of(GRAY_GRAIN) == Looks(colorless=True, textured=True)


def test_a_photographs_noise_is_no_texture_unless_everything_has_it():
    face = view()
    skin = face.regions(256)[2].view(256, 256)

    def seen(image):
        return FaceViews((), (dataclasses.replace(face, image=image[0]),), MIRROR)

    assert is_textured(GRAIN, seen(GRAIN))
    assert not is_textured(GRAIN, seen(torch.where(skin > 0, SMOOTH, GRAIN))), "foliage behind smooth skin"
    assert not is_textured(GRAIN, seen(torch.where(skin > 0, GRAIN, SMOOTH))), "pores before a smooth wall"


def test_grain_gives_a_domain_with_noise_and_smooth_pictures_none(generator, encoder, noisy):
    domain = noisy[-1].domain
    assert domain.metadata.surface_noise
    strengths = [float(v) for name, v in domain.weights.items() if name.endswith("noise_strength")]
    assert len(strengths) == 4
    assert all(strengths)
    assert not run(generator, encoder, SMOOTH, PEOPLE)[-1].domain.metadata.surface_noise


@pytest.mark.parametrize("step", [4, 5, 8])
def test_a_resumed_run_equals_an_uninterrupted_one(generator, encoder, noisy, step):
    state = next(event.state for event in noisy if event.state is not None and event.step == step)
    resumed = run(generator, encoder, GRAY_GRAIN, PEOPLE, resume=state)
    for name, value in noisy[-1].domain.weights.items():
        assert torch.equal(value, resumed[-1].domain.weights[name]), name
    assert (resumed[-1].preview == noisy[-1].preview).all()


def test_noise_is_silent_where_super_resolution_is_not_trained(generator, encoder):
    backbone = dataclasses.replace(METHOD, stages=(Stage("G1", ("synthesis",), 2),))
    domain = run(generator, encoder, GRAIN, dataclasses.replace(backbone, people=backbone))[-1].domain
    assert domain.metadata.surface_noise
    assert not any(name.startswith("superresolution.") for name in domain.weights)


@torch.no_grad()
def test_noise_comes_with_the_file_its_strength_and_blends(generator, noisy, tmp_path):
    domain = noisy[-1].domain
    domain.save(tmp_path / "grain.safetensors")
    loaded = Domain.load(tmp_path / "grain.safetensors")
    ws = generator.sample_ws(torch.zeros(1, generator.config.z_dim))
    planes, camera = generator.planes(ws), cameras_around_front(generator.config, torch.zeros(1))

    def target(parts):
        return generator.pair(planes, ws, camera, parts)[1].image

    shown = target(domain.apply(generator))
    torch.testing.assert_close(target(loaded.apply(generator)), shown)
    torch.testing.assert_close(target(blend([loaded, loaded], [0.5, 0.5]).apply(generator)), shown, atol=2e-3, rtol=0)
    torch.testing.assert_close(target(loaded.apply(generator, 0.0)), generator.synthesis(ws, camera).image)
    silent = dataclasses.replace(loaded, metadata=dataclasses.replace(loaded.metadata, surface_noise=False))
    assert (target(silent.apply(generator)) - shown).abs().mean() > 1e-4
