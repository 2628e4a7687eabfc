"""Views of the same people: what agrees costs nothing, and only what both show counts."""

from dataclasses import replace

import pytest
import torch

from adapter.eg3d import look_at
from adapter.losses.base import Sources
from adapter.losses.view_consistency import match_views
from tests.helpers.sphere import ball

YAWS = (0.0, 0.3, -0.2, 0.2)


@pytest.fixture(scope="module")
def sources() -> Sources:
    """Two people, which are the same ball, from two sides each."""
    cameras = torch.cat([look_at([yaw]) for yaw in YAWS])
    images, depth, opacity = ball(cameras)
    return Sources(cameras, images, opacity, depth, images)


def test_views_that_agree_cost_next_to_nothing_and_others_much(sources):
    matches = match_views(sources, 2, 64)
    alike = matches.difference(sources.images[2:], [2, 3])
    repainted = torch.cat([sources.images[2:3], ball(sources.cameras[3:], shift=0.5)[0]])
    assert alike < 0.03
    assert matches.difference(repainted, [2, 3]) > 5 * alike
    assert matches.difference(sources.images[[2, 1]], [2, 3]) > 2 * alike


def test_every_view_is_compared_with_its_own_person_only(sources):
    matches = match_views(sources, 2, 64)
    both = matches.difference(sources.images, [0, 1, 2, 3])
    apart = [matches.difference(sources.images[k : k + 2], [k, k + 1]) for k in (0, 2)]
    assert min(apart) - 1e-6 <= both <= max(apart) + 1e-6
    swapped = matches.difference(sources.images[[2, 3, 0, 1]], [2, 3, 0, 1])
    assert swapped == pytest.approx(both.item(), rel=1e-4)


def test_one_colour_costs_nothing_and_only_shared_surfaces_pull(sources):
    matches = match_views(sources, 2, 64)
    flat = torch.full_like(sources.images[:2], 0.3)
    assert matches.difference(flat, [0, 1]) == pytest.approx(0, abs=1e-6)
    images = torch.stack([flat[0], flat[1] + 0.4]).requires_grad_()
    matches.difference(images, [0, 1]).backward()
    pulled = images.grad.abs().sum(dim=1) > 0
    assert pulled.any()
    # Beyond the pixel that bilinear reading touches around it, what is behind the ball pulls nothing.
    reach = 3 + 2 * (matches.window // 2)
    near = torch.nn.functional.max_pool2d(sources.opacity[:2], reach, stride=1, padding=reach // 2)[:, 0] > 0
    assert not pulled[~near].any()


def test_what_is_finer_than_the_grid_is_the_pictures_own(sources):
    grain = 0.5 * (torch.arange(64) % 2 * 2.0 - 1)
    grained = sources.images[:2] + grain * torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    fine, coarse = (match_views(sources, 2, side) for side in (64, 8))
    assert fine.difference(grained, [0, 1]) > 0.2
    assert coarse.difference(grained, [0, 1]) < 0.1
    broad = torch.stack([sources.images[0], sources.images[1] + 0.5])
    assert coarse.difference(broad, [0, 1]) > 0.3


def test_people_that_share_nothing_give_zero(sources):
    apart = replace(sources, depth=sources.depth + torch.tensor([0.0, 1.0, 0.0, 1.0]).view(-1, 1, 1, 1))
    matches = match_views(apart, 2, 64)
    assert not matches.weight[:2].any()
    assert matches.difference(sources.images[:2], [0, 1]) == 0  # a sum of zeros
