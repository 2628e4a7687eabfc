"""People are the same for every domain and camera; the swing of the camera closes."""

import numpy as np
import pytest
import torch

from adapter.eg3d import Generator, SwingPath
from adapter.scene import DomainScene, Identities
from tests.helpers.tiny_base import CONFIG


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(CONFIG).eval().requires_grad_(False)


def test_more_people_begin_with_the_same_ones(generator):
    few, many = Identities.draw(generator, 2, 3, 0.7), Identities.draw(generator, 4, 3, 0.7)
    assert few.latents.equal(many.latents[:2])
    assert not Identities.draw(generator, 2, 4, 0.7).latents.equal(few.latents)


def test_unchanged_parts_give_targets_equal_to_their_sources(generator):
    scene = DomainScene(Identities.draw(generator, 3, 0, 0.7), generator.parts())
    pairs = scene.pairs(yaw=0.2)
    side = generator.config.image_resolution
    assert pairs.sources.shape == (3, side, side, 3)
    assert pairs.sources.dtype == np.uint8
    assert np.array_equal(pairs.sources, pairs.targets)
    assert not np.array_equal(pairs.sources, scene.pairs(yaw=-0.2).sources)
    assert not np.array_equal(pairs.sources, scene.pairs(yaw=0.2, zoom=1.5).sources)


def test_along_a_path_everyone_is_seen_as_from_each_pose(generator):
    scene = DomainScene(Identities.draw(generator, 2, 0, 0.7), generator.parts())
    poses = SwingPath(frames=12).poses
    for pose, pairs in zip(poses, scene.along(poses, zoom=1.2), strict=True):
        alone = scene.pairs(*pose, zoom=1.2)
        assert np.abs(pairs.sources.astype(int) - alone.sources).max() <= 1
        assert np.abs(pairs.targets.astype(int) - alone.targets).max() <= 1


def test_enlarged_pictures_keep_their_sides_apart(generator):
    pairs = DomainScene(Identities.draw(generator, 2, 0, 0.7), generator.parts()).pairs()
    pairs.targets[:] = 255
    large = pairs.enlarged(64)
    assert large.sources.shape == large.targets.shape == (2, 64, 64, 3)
    assert (large.targets == 255).all()
    assert not (large.sources == 255).all()


@pytest.mark.parametrize("frames", [8, 48, 72])
def test_the_swing_is_a_closed_loop_of_neighbouring_poses(frames: int):
    sway = SwingPath(frames)
    order = sway.order
    assert len(order) == frames
    assert set(order) == set(range(len(sway.poses)))
    assert len(sway.poses) == frames // 2 + 1
    steps = np.diff([*order, order[0]])
    assert np.abs(steps).max() == 1


def test_the_swing_starts_in_front_and_reaches_both_sides():
    sway = SwingPath(yaw=0.4, pitch=0.1)
    yaws, pitches = zip(*sway.poses, strict=True)
    assert sway.poses[sway.order[0]][0] == pytest.approx(0, abs=1e-9)
    assert (min(yaws), max(yaws)) == pytest.approx((-0.4, 0.4))
    assert max(map(abs, pitches)) == pytest.approx(0.1)
