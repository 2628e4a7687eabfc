"""Views of the same people: what agrees costs nothing, and only what both show counts."""

from dataclasses import replace

import pytest
import torch

from adapter.adaptation.source_cache import Pool
from adapter.adaptation.view_consistency import match_views
from adapter.eg3d import look_at
from tests.helpers.sphere import ball

YAWS = (0.0, 0.3, -0.2, 0.2)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Two people, which are the same ball, from two sides each."""
    cameras = torch.cat([look_at([yaw]) for yaw in YAWS])
    images, depth, opacity = ball(cameras)
    none = torch.zeros(len(YAWS), 1)
    return Pool(none, cameras, none, None, none, opacity, depth, images)


def test_views_that_agree_cost_next_to_nothing_and_others_much(pool):
    neighbours = match_views(pool, 2, 64)
    alike = neighbours.difference(pool.images[2:], [2, 3])
    repainted = torch.cat([pool.images[2:3], ball(pool.cameras[3:], shift=0.5)[0]])
    assert alike < 0.03
    assert neighbours.difference(repainted, [2, 3]) > 5 * alike
    assert neighbours.difference(pool.images[[2, 1]], [2, 3]) > 2 * alike


def test_every_view_is_compared_with_its_own_person_only(pool):
    neighbours = match_views(pool, 2, 64)
    both = neighbours.difference(pool.images, [0, 1, 2, 3])
    apart = [neighbours.difference(pool.images[k : k + 2], [k, k + 1]) for k in (0, 2)]
    assert min(apart) <= both <= max(apart)
    swapped = neighbours.difference(pool.images[[2, 3, 0, 1]], [2, 3, 0, 1])
    assert swapped == pytest.approx(both.item(), rel=1e-4)


def test_one_colour_costs_nothing_and_only_shared_surfaces_pull(pool):
    neighbours = match_views(pool, 2, 64)
    flat = torch.full_like(pool.images[:2], 0.3)
    assert neighbours.difference(flat, [0, 1]) == pytest.approx(0, abs=1e-6)
    images = torch.stack([flat[0], flat[1] + 0.4]).requires_grad_()
    neighbours.difference(images, [0, 1]).backward()
    pulled = images.grad.abs().sum(dim=1) > 0
    assert pulled.any()
    # Beyond the pixel that bilinear reading touches around it, what is behind the ball pulls nothing.
    reach = 3 + 2 * (neighbours.window // 2)
    near = torch.nn.functional.max_pool2d(pool.opacity[:2], reach, stride=1, padding=reach // 2)[:, 0] > 0
    assert not pulled[~near].any()


def test_what_is_finer_than_the_grid_is_the_pictures_own(pool):
    grain = 0.5 * (torch.arange(64) % 2 * 2.0 - 1)
    grained = pool.images[:2] + grain * torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    fine, coarse = (match_views(pool, 2, side) for side in (64, 8))
    assert fine.difference(grained, [0, 1]) > 0.2
    assert coarse.difference(grained, [0, 1]) < 0.1
    broad = torch.stack([pool.images[0], pool.images[1] + 0.5])
    assert coarse.difference(broad, [0, 1]) > 0.3


def test_people_that_share_nothing_give_zero(pool):
    apart = replace(pool, depth=pool.depth + torch.tensor([0.0, 1.0, 0.0, 1.0]).view(-1, 1, 1, 1))
    assert match_views(apart, 2, 64).difference(pool.images[:2], [0, 1]) == 0
