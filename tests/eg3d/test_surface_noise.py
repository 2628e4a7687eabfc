"""Noise of the surface: about normal, the same where the same point is seen, read by targets alone."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from adapter.adaptation.parts import copy_parts, extent_of, set_noise_strength
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.rays import camera_rays
from adapter.eg3d.surface_noise import noise_tile, surface_noise
from tests.adaptation.conftest import METHOD, make_generator
from tests.helpers.tiny_base import CONFIG

LARGE = dataclasses.replace(CONFIG, focal=4.26, camera_radius=2.7)
RADIUS, SIDE = 0.3, 128
SIDES = (64, 64, 128, 128)


def ball(cameras):
    """Depth and opacity [N, 1, S, S] of a ball around the origin, and the points [N, 3, S, S] that are seen of it."""
    origins, directions = camera_rays(cameras, SIDE)
    along = -(origins * directions).sum(dim=-1)
    inside = RADIUS**2 - origins.square().sum(dim=-1) + along.square()
    depth = along - inside.clamp_min(0).sqrt()
    shape = (-1, 1, SIDE, SIDE)
    points = (origins + directions * depth[..., None]).transpose(1, 2).unflatten(2, (SIDE, SIDE))
    return depth.view(shape), (inside > 0).float().view(shape), points


@pytest.fixture(scope="module")
def turned():
    """The ball from two sides, and the noise of both pictures."""
    cameras = cameras_around_front(LARGE, torch.tensor([0.0, 0.2]))
    depth, opacity, points = ball(cameras)
    return cameras, opacity, points, surface_noise(noise_tile(), LARGE, cameras, depth, opacity, SIDES)


def test_noise_is_about_normal_and_differs_from_layer_to_layer(turned):
    noises = turned[-1]
    assert [tuple(one.shape) for one in noises] == [(2, 1, side, side) for side in SIDES]
    for one in noises:
        assert abs(float(one.mean())) < 0.1
        assert 0.8 < float(one.std()) < 1.2
    assert abs(float((noises[2] * noises[3]).mean())) < 0.1


def test_noise_sticks_to_the_surface(turned):
    cameras, opacity, points, noises = turned
    # Where the second camera sees what the first one does: the ball's front, as it is convex.
    world_to_camera = torch.linalg.inv(cameras[1, :16].view(4, 4))
    seen = points[0].flatten(1).T @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
    where = 2 * (cameras[1, 16] * seen[:, :2] / seen[:, 2:] + 0.5) - 1
    middle = (points[0, 2].flatten() > 0.8 * points[0, 2].max()) & (opacity[0].flatten() > 0)
    for noise in noises[2:]:
        again = F.grid_sample(noise[1:], where.view(1, 1, -1, 2), align_corners=False).flatten()
        stays = torch.corrcoef(torch.stack([again[middle], noise[0].flatten()[middle]]))[0, 1]
        stands = torch.corrcoef(noise[:2].flatten(1)[:, middle])[0, 1]
        assert stays > 0.7, "the same points have the same noise"
        assert abs(stands) < 0.2, "the same pixels have another"


@torch.no_grad()
def test_only_parts_with_noise_read_it_and_as_strongly_as_they_say():
    generator = make_generator()
    ws = generator.sample_ws(torch.ones(1, generator.config.z_dim))
    planes, cameras = generator.planes(ws), cameras_around_front(generator.config, torch.tensor([0.2]))
    plain = copy_parts(generator, extent_of(METHOD)).requires_grad_(False)
    noisy = copy_parts(generator, extent_of(METHOD, noise=True)).requires_grad_(False)
    set_noise_strength(plain, 0.0)
    pictures = []
    for strength in (0.0, 0.1, 0.2):
        set_noise_strength(noisy, strength)
        source, target = generator.pair(planes, ws, cameras, noisy)
        torch.testing.assert_close(source.image, generator.synthesis(ws, cameras).image)
        rendered = generator.render(planes, cameras, parts=noisy)
        torch.testing.assert_close(generator.image(rendered, cameras, ws, noisy), target.image)
        pictures.append(target.image)
    torch.testing.assert_close(pictures[0], generator.pair(planes, ws, cameras, plain)[1].image)
    small, large = ((one - pictures[0]).square().mean().sqrt() for one in pictures[1:])
    assert 1e-3 < small < large
