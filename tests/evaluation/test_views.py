"""Carrying one view into another, on a scene whose depth is known: a textured ball."""

import pytest
import torch
from torch import Tensor

from adapter.eg3d import look_at
from adapter.eg3d.rays import camera_rays
from adapter.evaluation.views import project, reproject, reprojection_error

RADIUS = 0.25
SIDE = 64


def ball(cameras: Tensor, shift: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """Image, depth and opacity of a ball whose colour is a function of the place on it."""
    origins, directions = camera_rays(cameras, SIDE)
    along = (origins * directions).sum(dim=-1)
    inside = along.square() - origins.square().sum(dim=-1) + RADIUS**2
    hit = inside > 0
    depth = torch.where(hit, -along - inside.clamp(min=0).sqrt(), 3.0)
    places = origins + directions * depth[..., None]
    colour = torch.where(hit[..., None], torch.sin(places * 12 + shift), 1.0)
    image = colour.transpose(1, 2).unflatten(2, (SIDE, SIDE))
    return image, depth.reshape(-1, 1, SIDE, SIDE), hit.reshape(-1, 1, SIDE, SIDE).float()


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
    carried, known = reproject(image, depth, cameras, depth, cameras)
    assert known.float().mean() > 0.99
    assert torch.allclose(carried, image, atol=1e-3)


@pytest.mark.parametrize("degrees", [10, 20])
def test_one_surface_seen_twice_has_almost_no_error(degrees: float) -> None:
    yaw = torch.deg2rad(torch.tensor(float(degrees))).item()
    here, there = look_at([0.0]), look_at([yaw])
    first, second = ball(here), ball(there)
    consistent = reprojection_error(*first, here, *second, there)
    repainted = reprojection_error(*first, here, *ball(there, shift=0.5), there)
    assert consistent.item() < 0.03
    assert repainted.item() > 5 * consistent.item()


def test_hidden_surfaces_are_not_compared() -> None:
    here, there = look_at([-0.9]), look_at([0.9])
    first, second = ball(here), ball(there)
    _, known = reproject(first[0], first[1], here, second[1], there)
    seen_by_both = known & (second[2] > 0.5)
    assert 0 < seen_by_both.float().sum() < 0.7 * second[2].sum()
