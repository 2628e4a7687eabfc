import itertools

import pytest
import torch

from adapter.eg3d.sampling import importance_depths, importance_draws, stratified_depths


def test_stratified_depths_lie_half_a_step_after_a_closed_division():
    start, end = torch.full((1, 1, 1), 2.0), torch.full((1, 1, 1), 3.0)
    torch.testing.assert_close(stratified_depths(start, end, 5), torch.tensor([[[2.125, 2.375, 2.625, 2.875, 3.125]]]))


def test_drawn_stratified_depths_stay_in_their_step_and_repeat_with_the_seed():
    start, end = torch.full((2, 50, 1), 2.0), torch.full((2, 50, 1), 3.0)
    first, again = (stratified_depths(start, end, 5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    offset = (first - 2) / 0.25 - torch.arange(5)
    assert offset.min() >= -1e-5
    assert offset.max() <= 1 + 1e-5
    assert offset.std() > 0.2


def test_disparity_sampling_is_even_in_inverse_depth():
    depths = stratified_depths(torch.full((1, 1, 1), 1.0), torch.full((1, 1, 1), 4.0), 4, disparity=True)
    steps = (1 / depths).diff()
    torch.testing.assert_close(steps, steps[..., :1].expand_as(steps))


def slow_importance(depths, weights, draws, bins):
    """One ray at a time, in plain Python, straight from EG3D's rule."""
    weights = weights.tolist()
    padded = [float("-inf"), *weights, float("-inf")]
    largest = [max(a, b) for a, b in itertools.pairwise(padded)]
    smooth = [(a + b) / 2 + 0.01 for a, b in itertools.pairwise(largest)]
    edges = [(a + b) / 2 for a, b in zip(depths[:-1].tolist(), depths[1:].tolist(), strict=True)]
    if bins == "aligned":
        edges = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
    density = [value + 1e-5 for value in smooth[1:-1]]
    total, cdf = sum(density), [0.0]
    for value in density:
        cdf.append(cdf[-1] + value / total)
    result = []
    for u in draws.tolist():
        place = sum(1 for edge in cdf if edge <= u + 1e-9)
        below, above = max(place - 1, 0), min(place, len(cdf) - 1)
        width = cdf[above] - cdf[below]
        share = (u - cdf[below]) / (1 if width < 1e-5 else width)
        result.append(edges[below] + share * (edges[above] - edges[below]))
    return torch.tensor(result)


@pytest.mark.parametrize("bins", ["official", "aligned"])
def test_importance_depths_equal_a_slow_reference(bins):
    random = torch.Generator().manual_seed(0)
    depths = torch.rand(1, 20, 9, generator=random).sort(dim=-1)[0] + 2
    weights = torch.rand(1, 20, 8, generator=random) ** 4
    draws = torch.rand(1, 20, 6, generator=random)
    found = importance_depths(depths, weights, draws, bins=bins)
    for ray in range(20):
        expected = slow_importance(depths[0, ray], weights[0, ray], draws[0, ray], bins)
        torch.testing.assert_close(found[0, ray], expected, rtol=1e-4, atol=1e-4)


def test_importance_depths_gather_where_the_weight_is():
    depths = torch.linspace(0, 1, 17).expand(1, 1, 17)
    weights = torch.zeros(1, 1, 16)
    weights[..., 8] = 1
    draws = importance_draws(100, "centred")
    found = importance_depths(depths, weights, draws, bins="aligned")
    assert ((found - depths[..., 8]).abs() < 0.15).float().mean() > 0.85


def test_draws_follow_their_rule():
    torch.testing.assert_close(importance_draws(3, "closed"), torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(importance_draws(2, "centred"), torch.tensor([0.25, 0.75]))


def test_importance_carries_no_gradient():
    depths = torch.linspace(1, 2, 6).expand(1, 1, 6).clone().requires_grad_()
    weights = torch.rand(1, 1, 5, requires_grad=True)
    assert not importance_depths(depths, weights, importance_draws(4, "closed")).requires_grad
