"""Perceptual distances, on maps that can be computed by hand, and LPIPS."""

import pytest
import torch

from adapter.encoders.lpips import load_lpips
from adapter.evaluation.lpips import LpipsModel, distance, lpips_model, mean_pairwise, unit_maps


def random_maps(count: int, seed: int = 0) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(count, c, side, side, generator=random) for c, side in ((4, 8), (6, 4)))


def test_equal_maps_have_no_distance_and_scale_does_not_count() -> None:
    maps = random_maps(3)
    brighter = tuple(stage * 3 for stage in maps)
    assert torch.allclose(distance(unit_maps(maps), unit_maps(brighter)), torch.zeros(3), atol=1e-10)


def test_right_angles_have_the_distance_two_and_opposites_four() -> None:
    right = torch.zeros(1, 2, 5, 5)
    right[:, 0] = 1
    up = right.flip(1)
    assert distance(unit_maps([right]), unit_maps([up])).item() == pytest.approx(2)
    assert distance(unit_maps([right]), unit_maps([-right])).item() == pytest.approx(4)
    half = torch.where(torch.arange(5) < 2, right, up)
    assert distance(unit_maps([right]), unit_maps([half])).item() == pytest.approx(2 * 3 / 5)


def test_mean_pairwise_is_the_mean_over_pairs() -> None:
    maps = unit_maps(random_maps(5, seed=1))
    pairs = [
        distance(tuple(s[i : i + 1] for s in maps), tuple(s[j : j + 1] for s in maps)).item()
        for i in range(5)
        for j in range(i)
    ]
    assert mean_pairwise(maps) == pytest.approx(sum(pairs) / len(pairs))
    with pytest.raises(ValueError, match="two images"):
        mean_pairwise(unit_maps(random_maps(1)))


def test_identical_images_have_no_diversity() -> None:
    one = random_maps(1)
    assert mean_pairwise(unit_maps([stage.expand(4, -1, -1, -1) for stage in one])) == pytest.approx(0, abs=1e-6)


def test_images_go_through_in_batches() -> None:
    perception = LpipsModel("mean", lambda images: (images.mean(dim=1, keepdim=True),))
    images = torch.rand(40, 3, 4, 4)
    assert torch.allclose(perception(images)[0], images.mean(dim=1, keepdim=True))


def test_the_embedded_model_is_lpips_whole_and_per_image() -> None:
    network, model = load_lpips(), lpips_model()
    random = torch.Generator().manual_seed(0)
    a, b = (torch.rand(3, 3, 64, 64, generator=random) * 2 - 1 for _ in range(2))
    assert model.name == "LPIPS (alex)"
    assert torch.allclose(distance(model(a), model(b)), network(a, b), rtol=1e-4)
