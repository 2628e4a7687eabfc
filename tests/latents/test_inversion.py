"""Inversion: it finds a person whose picture the base itself made, and stays within what it was told."""

import numpy as np
import pytest
import torch

from adapter.eg3d import cameras_around_front
from adapter.errors import UserError
from adapter.latents.inversion import InversionSettings, invert, perceptual_distance, perceptual_layers
from adapter.latents.latent_space import LatentSpace
from adapter.latents.target import Target, View

STILL = {"camera_rate": 0.0}


def picture(generator, seed=3, yaw=0.0):
    z = torch.randn(1, generator.config.z_dim, generator=torch.Generator().manual_seed(seed))
    camera = cameras_around_front(generator.config, torch.tensor([yaw]), torch.zeros(1))
    with torch.no_grad():
        ws = generator.mapping(z)
        return ws, generator.synthesis(ws, camera).image


@pytest.fixture(scope="module")
def space(tiny):
    return LatentSpace.of(tiny, samples=256)


@pytest.fixture(scope="module")
def events(tiny, lpips, space):
    _, image = picture(tiny)
    settings = InversionSettings(steps=60, preview_every=20, **STILL)
    return list(invert(tiny, image, lpips, settings, angles=(0.0, 0.0), space=space))


def test_the_render_comes_close(tiny, lpips, events) -> None:
    ws, image = picture(tiny)
    camera = cameras_around_front(tiny.config, torch.zeros(1), torch.zeros(1))
    mean = tiny.backbone.mapping.w_avg.expand(1, tiny.config.num_ws, -1)
    errors = [(tiny.synthesis(code, camera).image - image).abs().mean().item() for code in (mean, events[-1].ws)]
    assert errors[1] < 0.6 * errors[0]
    assert events[-1].ws.shape == ws.shape
    assert events[-1].losses["total"] < 0.6 * events[0].losses["total"]


def test_events_count_and_preview(events) -> None:
    assert [event.step for event in events] == list(range(61))
    assert {event.total for event in events} == {60}
    assert [event.step for event in events if event.preview is not None] == [0, 20, 40, 60]
    assert events[0].seconds_left is None
    assert events[-1].seconds_left == 0
    preview = events[-1].preview
    assert preview.shape == (2, 32, 32, 3)
    assert preview.dtype == np.uint8
    assert set(events[1].losses) == {"pixel", "perceptual", "prior", "rows", "camera", "total"}
    parts = sum(value for name, value in events[1].losses.items() if name != "total")
    assert events[1].losses["total"] == pytest.approx(parts, rel=1e-4)


def test_rows_differ_only_in_the_second_half(events) -> None:
    spread = [float((event.ws - event.ws[:, :1]).abs().max()) for event in (events[29], events[-1])]
    assert spread[0] < 1e-6 < spread[1]


def test_a_strong_prior_keeps_near_the_mean_person(tiny, lpips, space) -> None:
    _, image = picture(tiny)
    reached = []
    for prior in (0.0, 1000.0):
        settings = InversionSettings(steps=15, learning_rate=0.2, prior=prior, **STILL)
        *_, last = invert(tiny, image, lpips, settings, angles=(0.0, 0.0), space=space)
        reached.append(float(space.to_coordinates(last.ws).square().mean()))
    assert reached[1] < 0.3 * reached[0]


def test_without_extension_all_rows_agree(tiny, lpips, space) -> None:
    _, image = picture(tiny)
    settings = InversionSettings(steps=5, shared=0.0, extended=False)
    *_, last = invert(tiny, image, lpips, settings, angles=(0.0, 0.0), space=space)
    assert (last.ws - last.ws[:, :1]).abs().max() == 0  # exact: one w is added to zeros, element by element


def test_the_same_call_gives_the_same_latent(tiny, lpips, space) -> None:
    _, image = picture(tiny)
    settings = InversionSettings(steps=3)
    run = [list(invert(tiny, image, lpips, settings, angles=(0.1, 0.0), space=space))[-1].ws for _ in range(2)]
    torch.testing.assert_close(*run, atol=1e-3, rtol=0)  # Adam enlarges the last bits of convolutions


def test_what_does_not_count_has_no_influence(tiny, lpips) -> None:
    _, image = picture(tiny)
    weight = torch.zeros(1, 1, 32, 32)
    weight[..., :16] = 1
    target = Target(tiny, image, lpips, weight)
    noise = image.clone()
    noise[..., 20:] = 1.0
    apart = [target.losses(one) for one in (image, noise)]
    for name in ("pixel", "perceptual"):
        torch.testing.assert_close(apart[0][name], apart[1][name], atol=1e-5, rtol=0)


def test_the_camera_is_refined(tiny, lpips, space) -> None:
    _, image = picture(tiny, yaw=0.2)
    settings = InversionSettings(steps=40, camera_rate=0.02, preview_every=100)
    start = View.at(0.0, 0.0)
    *_, last = invert(tiny, image, lpips, settings, angles=(0.0, 0.0), space=space)
    assert not torch.allclose(last.view.angles, start.angles)
    assert last.view.label(tiny).shape == (1, 25)
    torch.testing.assert_close(start.label(tiny), cameras_around_front(tiny.config, torch.zeros(1)))


@pytest.mark.slow
def test_the_camera_is_found(heads, lpips) -> None:
    _, image = picture(heads, yaw=0.4)
    first = next(iter(invert(heads, image, lpips, InversionSettings(steps=1))))
    assert first.yaw == pytest.approx(0.4, abs=0.2)


def test_only_one_square_picture(tiny, lpips) -> None:
    for shape in ((2, 3, 8, 8), (1, 3, 8, 9), (3, 8, 8), (1, 1, 8, 8)):
        with pytest.raises(UserError, match="square"):
            next(invert(tiny, torch.zeros(shape), lpips))
    with pytest.raises(UserError, match="steps"):
        InversionSettings(steps=0)


def test_not_a_number_is_a_sentence(tiny, lpips, space) -> None:
    image = torch.full((1, 3, 32, 32), float("nan"))
    with pytest.raises(UserError, match="stopped being a number"):
        list(invert(tiny, image, lpips, InversionSettings(steps=2), angles=(0.0, 0.0), space=space))


def test_perceptual_distance_is_a_distance(clip) -> None:
    random = torch.Generator().manual_seed(0)
    a = torch.rand(2, 3, 64, 64, generator=random) * 2 - 1
    assert perceptual_distance(clip, a, a).abs().max() < 1e-6  # a is encoded twice
    near, far = (
        perceptual_distance(clip, a, (a + s * torch.randn(a.shape, generator=random)).clamp(-1, 1)) for s in (0.05, 0.5)
    )
    assert (near < far).all()
    assert "stem" in perceptual_layers(clip)
    assert "pooled" not in perceptual_layers(clip)
