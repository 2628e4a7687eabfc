"""The losses' functions against hand-computed values, their identities, and numerical gradients.

Values that pass through a product, a norm or a mean are compared with a tolerance: their last bits depend on the
processor and the number of threads.
"""

import math

import pytest
import torch

from adapter.losses.analogy import analogy
from adapter.losses.background import weighted_difference, weighted_variation
from adapter.losses.consistency import selective_consistency
from adapter.losses.directional import directional
from adapter.losses.distribution import random_directions, sliced_wasserstein
from adapter.losses.moments import moments
from adapter.losses.points import grid_places, place_costs, unit, with_places
from adapter.losses.structure import feature_structure, image_structure
from adapter.losses.token_distribution import token_distribution

F64 = torch.float64


def points(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


DIRECTIONS = unit(points(3, 5, seed=9), dim=0)
LOSSES = {
    "directional": lambda x: directional(x[:, 0], points(2, 3, seed=1), points(3, seed=2)),
    "token_distribution": lambda x: token_distribution(x, points(7, 3, seed=1)),
    "image_structure": lambda x: image_structure(x, points(2, 16, 3, seed=1)),
    "feature_structure": lambda x: feature_structure(
        x.transpose(1, 2).reshape(2, 3, 4, 4), points(2, 3, 4, 4, seed=1), side=2
    ),
    "sliced_wasserstein": lambda x: sliced_wasserstein(x, points(9, 3, seed=1), DIRECTIONS),
    "weighted_difference": lambda x: weighted_difference(x, points(16, 3, seed=1), points(2, 16).square()),
    "moments": lambda x: moments(x, points(9, 3, seed=1)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_the_numerical_one(name):
    x = points(2, 16, 3).requires_grad_()
    assert LOSSES[name](x).shape == ()
    assert torch.autograd.gradcheck(LOSSES[name], x)


def test_directional_known_angles():
    source = torch.zeros(3, 2)
    target = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
    direction = torch.tensor([3.0, 0.0])
    each = [directional(target[i : i + 1], source[i : i + 1], direction).item() for i in range(3)]
    assert each == pytest.approx([0, 1, 2])
    assert directional(target, source, direction).item() == pytest.approx(1)


def test_directional_is_finite_where_source_equals_target():
    source = torch.nn.functional.normalize(torch.ones(2, 8), dim=1)
    target = source.clone().requires_grad_()
    loss = directional(target, source, torch.arange(8.0) - 3)
    loss.backward()
    assert loss.item() == pytest.approx(1)
    assert torch.isfinite(target.grad).all()
    assert target.grad.abs().max() <= 1 / 1e-2 + 1e-3
    assert target.grad.abs().max() > 0


def test_analogy_reads_off_the_likest_and_averages_equals():
    known = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    values = torch.tensor([[5.0], [1.0], [3.0]])
    asked = torch.tensor([[0.1, 0.0], [1.0, 0.0]])
    assert analogy(asked, known, values, 1e-3).flatten().tolist() == pytest.approx([5, 2])
    even = analogy(asked, known, values, 1e6).flatten().tolist()
    assert even == pytest.approx([3, 3], abs=1e-3)


def test_token_distribution_counts_the_worse_covered_side():
    reference = torch.tensor([[1.0, 0.0], [0.0, 4.0]])
    one_kind = torch.tensor([[[3.0, 0.0], [2.0, 0.0]]])
    assert token_distribution(one_kind, reference).item() == pytest.approx(0.5)
    assert token_distribution(one_kind, reference[:1]).item() == pytest.approx(0, abs=1e-6)
    between = torch.tensor([[[1.0, 1.0]]])
    assert token_distribution(between, reference).item() == pytest.approx(1 - math.sqrt(0.5))


def test_token_distribution_ignores_order_and_length():
    tokens = points(1, 6, 4)
    shuffled = 2.5 * tokens[0, torch.tensor([3, 1, 5, 0, 2, 4])]
    assert token_distribution(tokens, shuffled).item() == pytest.approx(0, abs=1e-12)


def test_places_decide_between_equal_partners():
    # Two kinds of token; the second reference token of each kind is slightly unlike and nearby.
    target = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    reference = torch.tensor([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0], [0.2, 1.0]])
    here, there = torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 9.0], [-1.0, 0.0], [0.0, 9.0], [1.0, 0]])
    free = token_distribution(target, reference)
    held = token_distribution(target, reference, torch.cdist(here, there).square() / 2)
    cosine = 1 / math.hypot(1, 0.2)
    assert free.item() == pytest.approx((1 - cosine) / 2, abs=1e-6)
    assert held.item() == pytest.approx(1 - cosine, abs=1e-6)
    assert token_distribution(target, reference, torch.zeros(2, 4)).item() == pytest.approx(free.item(), abs=1e-6)


def test_grid_places_lie_row_by_row():
    assert grid_places(4).tolist() == [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]
    with pytest.raises(ValueError, match="square"):
        grid_places(5)


def test_place_costs_repeat_for_every_picture():
    costs = place_costs(4, 2, 2.0)
    assert costs[:, :4].equal(costs[:, 4:])
    torch.testing.assert_close(costs[0, :4], torch.tensor([0.0, 2.0, 2.0, 4.0]))


def test_points_with_places_tell_mirrored_pictures_apart():
    picture = torch.tensor([0.0, 1.0, 0.0, 1.0])[None, :, None]
    mirrored = picture.flip(1)
    apart = sliced_wasserstein(with_places(picture, 0.5), with_places(mirrored, 0.5)[0], unit(torch.ones(3, 1), dim=0))
    assert sliced_wasserstein(picture, mirrored[0], torch.ones(1, 1)).item() == pytest.approx(0, abs=1e-6)
    assert apart.item() == pytest.approx(0.5 / 3**0.5)


def test_image_structure_known_value():
    target = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    source = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    assert image_structure(target, source).item() == pytest.approx(0.5)


def test_structure_losses_are_zero_and_finite_at_the_start():
    tokens = torch.randn(2, 16, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    features = torch.ones(2, 5, 8, 8, requires_grad=True)
    loss = image_structure(tokens, tokens.detach())
    loss = loss + feature_structure(features, features.detach())
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-10)
    assert torch.isfinite(tokens.grad).all()
    assert torch.isfinite(features.grad).all()


def test_feature_structure_sees_layout_not_a_change_of_colour():
    features = points(1, 4, 8, 8)
    recoloured = 3 * features + 0.5
    assert feature_structure(recoloured, features, side=8).item() == pytest.approx(0, abs=1e-12)
    assert feature_structure(features.roll(3, dims=-1), features, side=8) > 0.01


def test_sliced_wasserstein_of_a_shift_is_its_projection():
    shift = torch.tensor([0.3, -0.2, 0.1], dtype=F64)
    reference = points(32, 3)
    expected = (shift @ DIRECTIONS).abs().mean()
    order = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    shifted = sliced_wasserstein(reference[None, order] + shift, reference, DIRECTIONS)
    assert shifted.item() == pytest.approx(expected.item())
    # The products of the two orders may differ in their last bit.
    assert sliced_wasserstein(reference[None, order], reference, DIRECTIONS).item() == pytest.approx(0, abs=1e-14)


def test_sliced_wasserstein_compares_sets_of_different_size():
    target = torch.linspace(0, 1, 100, dtype=F64).reshape(1, 100, 1)
    reference = torch.linspace(0, 1, 400, dtype=F64).reshape(400, 1)
    one = torch.ones(1, 1, dtype=F64)
    assert sliced_wasserstein(target, reference, one).item() < 0.005
    assert sliced_wasserstein(target, reference + 2, one).item() == pytest.approx(2)


def test_weighted_difference_known_value():
    target = torch.tensor([[[1.0, 3.0], [0.0, 0.0]]])
    reference = torch.tensor([[0.0, 0.0], [4.0, 4.0]])
    assert weighted_difference(target, reference, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(2)
    assert weighted_difference(target, reference, torch.tensor([[1.0, 3.0]])).item() == pytest.approx(3.5)
    assert weighted_difference(target, reference, torch.zeros(1, 2)).item() == 0


def test_moments_known_value():
    reference = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], dtype=F64)
    assert moments(reference[None] + torch.tensor([0.5, 0.0]), reference).item() == pytest.approx((0.25 / 2) / (2 / 3))
    assert moments(2 * reference[None], reference).item() == pytest.approx((2 * 2 / 4) / (2 / 3))
    assert moments(reference[None].flip(1), reference).item() == pytest.approx(0, abs=1e-12)


def test_moments_of_a_flat_reference_are_finite():
    target = torch.randn(1, 8, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    moments(target, torch.zeros(8, 3)).backward()
    assert torch.isfinite(target.grad).all()


def test_random_directions_follow_their_generator():
    first = random_directions(4, 6, torch.Generator().manual_seed(3))
    again = random_directions(4, 6, torch.Generator().manual_seed(3))
    assert torch.equal(first, again)
    assert torch.allclose(first.norm(dim=0), torch.ones(6))


def test_consistency_holds_the_channels_that_moved_least():
    source, target = torch.zeros(2, 4), torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]])
    shift = torch.tensor([0.1, -0.2, 5.0, -6.0])
    assert selective_consistency(target, source, shift, 0.5).item() == pytest.approx((1 + 2) / 4)
    assert selective_consistency(target, source, shift, 1.0).item() == pytest.approx(10 / 4)
    assert selective_consistency(target, source, shift, 0.0).item() == 0
    assert selective_consistency(source, source, shift * 0, 0.6).item() == 0


def test_consistency_pulls_only_what_it_holds():
    target = torch.ones(1, 4, requires_grad=True)
    selective_consistency(target, torch.zeros(1, 4), torch.tensor([0.0, 9.0, 0.1, 8.0]), 0.5).backward()
    assert target.grad[0].tolist() == pytest.approx([0.25, 0, 0.25, 0])


def test_variation_counts_only_pairs_inside_the_weight():
    image = torch.tensor([[[[0.0, 1.0, 1.0], [0.0, 1.0, 4.0]]]])
    everywhere = weighted_variation(image, torch.ones(1, 1, 2, 3))
    assert everywhere.item() == pytest.approx((1 + 0 + 1 + 3 + 0 + 0 + 3) / 7)
    left = torch.tensor([[[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]]])
    assert weighted_variation(image, left).item() == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert weighted_variation(image, left * 0).item() == 0


@pytest.mark.parametrize("channels", [3, 20])
def test_image_structure_is_the_difference_of_all_cosines(channels):
    target, source = points(2, 16, channels), points(2, 16, channels, seed=1)
    cosines = [unit(tokens) @ unit(tokens).transpose(1, 2) for tokens in (target, source)]
    expected = (cosines[0] - cosines[1]).square().mean().item()
    assert image_structure(target, source).item() == pytest.approx(expected)
