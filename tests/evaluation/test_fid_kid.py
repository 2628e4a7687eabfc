"""Distances of sets whose distance is known."""

import math

import numpy as np
import pytest
import torch
from scipy import linalg

from adapter.evaluation.fid_kid import frechet_distance, kernel_distance, likeness


def draw(count: int, seed: int, width: int = 6) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_kid_of_two_samples_of_one_distribution_is_zero_on_average() -> None:
    values = [kernel_distance(draw(40, 2 * k), draw(40, 2 * k + 1)) for k in range(60)]
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0


def test_kid_is_the_sum_over_pairs_that_its_definition_names() -> None:
    x, y = draw(5, 0), draw(7, 1) + 1

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(a @ b / len(a) + 1) ** 3

    same = [[kernel(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j] for s in (x, y)]
    cross = [kernel(a, b) for a in x for b in y]
    assert kernel_distance(x, y) == pytest.approx(np.mean(same[0]) + np.mean(same[1]) - 2 * np.mean(cross))


def test_paired_kid_of_a_set_with_itself_is_zero_and_grows_with_a_shift() -> None:
    x = draw(30, 3)
    assert kernel_distance(x, x, paired=True) == pytest.approx(0, abs=1e-9)
    shifted = [kernel_distance(x, x + shift, paired=True) for shift in (0.2, 0.5, 1.0)]
    assert 0 < shifted[0] < shifted[1] < shifted[2]


def test_paired_kid_is_zero_on_average_where_pairs_depend_on_each_other() -> None:
    values, naive = [], []
    for k in range(60):
        x = draw(20, k)
        y = 0.9 * x + math.sqrt(1 - 0.9**2) * draw(20, 1000 + k)
        values.append(kernel_distance(x, y, paired=True))
        naive.append(kernel_distance(x, y))
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(len(values))
    assert np.mean(naive) < -3 * np.std(naive) / math.sqrt(len(naive))


def test_fid_agrees_with_the_matrix_square_root() -> None:
    mix = draw(6, 9)
    x, y = draw(50, 4), draw(60, 5) @ mix + 2
    a, b = np.cov(x.T.numpy()), np.cov(y.T.numpy())
    expected = float((x.mean(0) - y.mean(0)).square().sum()) + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-8)


def test_fid_of_a_shifted_copy_is_the_squared_shift() -> None:
    x = draw(10, 6, width=32)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x + 0.5) == pytest.approx(32 * 0.25)


def test_likeness_of_equal_and_opposite_features() -> None:
    reference = draw(1, 7)
    assert likeness(reference.repeat(3, 1) * 2, reference) == pytest.approx(1)
    assert likeness(-reference, reference) == pytest.approx(-1)
    assert likeness(torch.cat([reference, -reference]), reference) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("distance", [kernel_distance, frechet_distance])
def test_one_sample_is_refused(distance) -> None:
    with pytest.raises(ValueError, match="two samples"):
        distance(draw(1, 0), draw(5, 1))
    with pytest.raises(ValueError, match="as many"):
        kernel_distance(draw(4, 0), draw(5, 1), paired=True)
