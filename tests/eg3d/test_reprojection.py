"""Points to pixels, and which pixels of two views show the same surface."""

import torch

from adapter.eg3d import look_at
from adapter.eg3d.rays import camera_rays
from adapter.eg3d.reprojection import carry, correspondence, project
from tests.helpers.sphere import ball


def test_projecting_the_points_of_rays_gives_their_pixels() -> None:
    cameras = look_at([0.3, -0.2], [0.1, 0.2])
    origins, directions = camera_rays(cameras, 8)
    where, distance = project(origins + directions * 2.5, cameras)
    centres = (torch.arange(8) + 0.5) / 8
    v, u = torch.meshgrid(centres, centres, indexing="ij")
    assert torch.allclose(where, torch.stack([u, v], -1).reshape(1, -1, 2).expand(2, -1, -1), atol=1e-5)
    assert torch.allclose(distance, torch.full_like(distance, 2.5), atol=1e-5)


def test_a_view_carried_into_itself_is_unchanged() -> None:
    cameras = look_at([0.2])
    image, depth, _ = ball(cameras)
    places, known = correspondence(depth, cameras, depth, cameras)
    assert known.float().mean() > 0.99
    assert torch.allclose(carry(image, places), image, atol=1e-3)


def test_hidden_surfaces_are_not_compared() -> None:
    here, there = look_at([-0.9]), look_at([0.9])
    first, second = ball(here), ball(there)
    _, known = correspondence(first[1], here, second[1], there)
    seen_by_both = known & (second[2] > 0.5)
    assert 0 < seen_by_both.float().sum() < 0.7 * second[2].sum()
