"""Inversion: it finds a person whose picture the base itself made, and stays within what it was told."""

import numpy as np
import pytest
import torch

from adapter.eg3d import cameras_around_front
from adapter.errors import UserError
from adapter.latents.inversion import (
    InversionSettings,
    invert,
    latent_statistics,
    perceptual_distance,
    perceptual_layers,
)


def picture(generator, seed=3, yaw=0.0):
    z = torch.randn(1, generator.config.z_dim, generator=torch.Generator().manual_seed(seed))
    camera = cameras_around_front(generator.config, torch.tensor([yaw]), torch.zeros(1))
    with torch.no_grad():
        ws = generator.mapping(z)
        return ws, generator.synthesis(ws, camera).image


@pytest.fixture(scope="module")
def events(tiny, clip):
    _, image = picture(tiny)
    settings = InversionSettings(steps=60, preview_every=20, refine_every=0)
    return list(invert(tiny, image, clip, settings, angles=(0.0, 0.0)))


def test_the_render_comes_close(tiny, clip, events) -> None:
    ws, image = picture(tiny)
    camera = cameras_around_front(tiny.config, torch.zeros(1), torch.zeros(1))
    mean = tiny.backbone.mapping.w_avg.expand(1, tiny.config.num_ws, -1)
    errors = [(tiny.synthesis(code, camera).image - image).abs().mean().item() for code in (mean, events[-1].ws)]
    assert errors[1] < 0.5 * errors[0]
    assert events[-1].ws.shape == ws.shape


def test_events_count_and_preview(events) -> None:
    assert [event.step for event in events] == list(range(61))
    assert {event.total for event in events} == {60}
    assert [event.step for event in events if event.preview is not None] == [0, 20, 40, 60]
    assert events[0].seconds_left is None
    assert events[-1].seconds_left == 0
    preview = events[-1].preview
    assert preview.shape == (2, 32, 32, 3)
    assert preview.dtype == np.uint8
    assert set(events[1].losses) == {"pixel", "perceptual", "prior", "rows", "total"}
    parts = sum(value for name, value in events[1].losses.items() if name != "total")
    assert events[1].losses["total"] == pytest.approx(parts, rel=1e-4)


def test_a_strong_prior_keeps_near_the_mean_person(tiny, clip) -> None:
    _, image = picture(tiny)
    centre, spread = latent_statistics(tiny)
    reached = []
    for prior in (0.0, 1000.0):
        settings = InversionSettings(steps=15, learning_rate=0.2, prior=prior, refine_every=0)
        *_, last = invert(tiny, image, clip, settings, angles=(0.0, 0.0))
        reached.append(((last.ws - centre) / spread).square().mean().sqrt().item())
    assert reached[1] < 0.3 * reached[0]


def test_without_extension_all_rows_agree(tiny, clip) -> None:
    _, image = picture(tiny)
    *_, last = invert(tiny, image, clip, InversionSettings(steps=5, extended=False, refine_every=0), angles=(0.0, 0.0))
    assert (last.ws - last.ws[:, :1]).abs().max() == 0  # exact: one w is added to zeros, element by element


def test_the_same_call_gives_the_same_latent(tiny, clip) -> None:
    _, image = picture(tiny)
    run = [list(invert(tiny, image, clip, InversionSettings(steps=3), angles=(0.1, 0.0)))[-1].ws for _ in range(2)]
    torch.testing.assert_close(*run, atol=1e-3, rtol=0)  # Adam enlarges the last bits of convolutions


@pytest.mark.slow
def test_the_camera_is_found(heads, clip) -> None:
    _, image = picture(heads, yaw=0.4)
    first = next(iter(invert(heads, image, clip, InversionSettings(steps=1))))
    assert first.yaw == pytest.approx(0.4, abs=0.2)


def test_only_one_square_picture(tiny, clip) -> None:
    for shape in ((2, 3, 8, 8), (1, 3, 8, 9), (3, 8, 8), (1, 1, 8, 8)):
        with pytest.raises(UserError, match="square"):
            next(invert(tiny, torch.zeros(shape), clip))
    with pytest.raises(UserError, match="steps"):
        InversionSettings(steps=0)


def test_not_a_number_is_a_sentence(tiny, clip) -> None:
    image = torch.full((1, 3, 32, 32), float("nan"))
    with pytest.raises(UserError, match="stopped being a number"):
        list(invert(tiny, image, clip, InversionSettings(steps=2), angles=(0.0, 0.0)))


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
