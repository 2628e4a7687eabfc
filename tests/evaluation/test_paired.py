import pytest
import torch

from adapter.evaluation.paired import psnr


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
