"""Consistency on pictures whose relation is known."""

import pytest
import torch

from adapter.evaluation.consistency import edge_overlap, retention, retrieval_accuracy, silhouette_overlap


def disc(x: float, radius: float = 0.5, side: int = 64) -> torch.Tensor:
    ramp = torch.linspace(-1, 1, side)
    inside = ((ramp[None, :] - x) ** 2 + ramp[:, None] ** 2) < radius**2
    return torch.where(inside, 0.8, -0.8).expand(1, 3, -1, -1)


def test_edges_of_a_recoloured_picture_overlap_fully() -> None:
    picture = disc(0)
    assert edge_overlap(picture, picture).item() == pytest.approx(1, abs=1e-4)
    assert edge_overlap(picture, -0.3 * picture).item() == pytest.approx(1, abs=1e-3)


def test_edges_of_another_place_do_not_overlap() -> None:
    assert edge_overlap(disc(-0.5, 0.2), disc(0.5, 0.2)).item() < 0.01
    near, far = edge_overlap(disc(0), disc(0.04)).item(), edge_overlap(disc(0), disc(0.2)).item()
    assert 0.3 < near < 0.99
    assert far < near


def test_a_picture_without_edges_is_no_error() -> None:
    flat = torch.zeros(1, 3, 64, 64)
    assert edge_overlap(flat, disc(0)).item() == 0
    assert edge_overlap(flat, flat + 0.5).item() == 1


def test_silhouettes() -> None:
    left, right = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    left[..., :2], right[..., 1:3] = 1, 1
    assert silhouette_overlap(left, right).item() == pytest.approx(1 / 3)
    assert silhouette_overlap(left, left).item() == 1
    assert silhouette_overlap(left * 0, left * 0).item() == 1


def test_retrieval_of_shifted_and_of_shuffled_people() -> None:
    people = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
    assert retrieval_accuracy(people, 3 * people + 5) == 1
    assert retrieval_accuracy(people, people.roll(1, dims=0)) == 0
    assert retrieval_accuracy(people, people[:20] - 2) == 1
    half = torch.cat([people[:32], people[32:].roll(1, dims=0)])
    assert retrieval_accuracy(people, half) == 0.5


def test_one_face_for_all_is_recognised_as_hardly_anyone() -> None:
    people = torch.randn(64, 16, generator=torch.Generator().manual_seed(1))
    noise = 1e-3 * torch.randn(64, 16, generator=torch.Generator().manual_seed(2))
    assert retrieval_accuracy(people, people[:1] + noise) < 0.1


def test_retention_counts_rare_answers_as_much_as_frequent_ones() -> None:
    true = [["man"] * 9 + ["woman"]]
    assert retention(true, true) == 1
    assert retention([["man"] * 10], true) == 0.5
    assert retention([["man"] * 10, ["yes"]], [true[0], ["yes"]]) == 0.75
