"""Random people, and how they look."""

import itertools

import torch

from adapter.eg3d.camera import cameras_around_front
from adapter.latents.people import GROUPS, draw_mixed_people, draw_people, looks, spread_over_rows


def test_more_people_begin_with_the_same_ones(tiny) -> None:
    few, many = list(draw_people(tiny, 2, 3)), list(draw_people(tiny, 3, 3))
    assert all(torch.equal(a, b) for a, b in zip(few, many, strict=False))
    assert not torch.equal(many[0], many[2])


def test_groups_of_rows_of_mixed_people_come_from_different_latents(tiny) -> None:
    first, second = draw_mixed_people(tiny, 2)
    assert first.shape == (GROUPS, tiny.config.w_dim)
    rows = [*first, *second]
    assert all(not torch.allclose(a, b) for a, b in itertools.combinations(rows, 2))


def test_each_group_fills_its_rows_in_order() -> None:
    groups = torch.arange(4.0)[:, None]
    assert spread_over_rows(groups, 8)[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert spread_over_rows(groups, 14)[:, 0].tolist() == [0] * 4 + [1] * 4 + [2] * 3 + [3] * 3
    assert spread_over_rows(groups[:1], 5)[:, 0].tolist() == [0] * 5


@torch.no_grad()
def test_a_look_is_what_synthesis_renders(tiny) -> None:
    (ws,) = draw_people(tiny, 1)
    (image,) = looks(tiny, ws, [None])
    camera = cameras_around_front(tiny.config, torch.zeros(1))
    assert torch.allclose(image, tiny.synthesis(ws, camera).image, atol=1e-5)  # sums in another order
