"""Metrics of pictures and shapes whose difference is known."""

import pytest
import torch

from adapter.evaluation.metrics import depth_drift, psnr


def test_psnr_of_known_errors() -> None:
    black = -torch.ones(2, 3, 8, 8)
    images = black + torch.tensor([0.2, 2.0])[:, None, None, None]
    assert psnr(black, images).tolist() == pytest.approx([20, 0], abs=1e-3)


def test_psnr_of_equal_images_is_finite() -> None:
    assert psnr(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)).item() == pytest.approx(100)


def test_a_weight_chooses_the_pixels() -> None:
    image = torch.zeros(1, 3, 4, 4)
    wrong = image.clone()
    wrong[..., 2:] = 0.2
    left, right = torch.zeros(2, 1, 1, 4, 4)
    left[..., :2], right[..., 2:] = 1, 0.5
    assert psnr(image, wrong, right).item() == pytest.approx(20, abs=1e-4)
    assert psnr(image, wrong, left).item() == pytest.approx(100)


def test_drift_of_scaled_moved_and_missing_shapes() -> None:
    source = torch.linspace(2, 3, 64).reshape(1, 1, 8, 8).repeat(4, 1, 1, 1)
    solid = torch.ones_like(source)
    target = source.clone()
    target[1] *= 1.1
    target[2].view(-1)[::2] += 0.02
    target[2].view(-1)[1::2] -= 0.02
    opacity = solid.clone()
    opacity[3] = 0
    drift = depth_drift(source, target, solid, opacity)
    assert drift[:2].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert drift[2].item() == pytest.approx(0.02, rel=0.15)
    assert drift[3].isnan()


def test_only_places_that_both_show_count() -> None:
    source = torch.full((1, 1, 4, 4), 2.5)
    target = source.clone()
    target[..., 0] = 9
    opacity = torch.ones_like(source)
    opacity[..., 0] = 0.2
    assert depth_drift(source, target, torch.ones_like(source), opacity).item() == 0
