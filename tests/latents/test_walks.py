"""Walks: even speed by the measure that is given, no seam, and the people themselves on the way."""

import math

import pytest
import torch

from adapter.eg3d import Eg3d, cameras_around_front
from adapter.eg3d.pair import PairRenderer
from adapter.latents.interpolation import along
from adapter.latents.walks import (
    STEPS,
    WalkPath,
    even_positions,
    pixel_distance,
    step_lengths,
    sway,
    walk_frames,
    walk_past,
)
from tests.helpers.tiny_base import CONFIG


@pytest.fixture(scope="module")
def walk() -> WalkPath:
    torch.manual_seed(0)
    generator = Eg3d(CONFIG).eval().requires_grad_(False)
    parts = generator.parts()
    for parameter in parts.superresolution.parameters():
        parameter.data.add_(0.3 * torch.randn(parameter.shape))
    latents = torch.randn(3, CONFIG.z_dim)
    return walk_past(generator, parts, generator.sample_ws(latents), latents)


def test_positions_name_people_and_what_lies_between():
    keys = torch.randn(3, 4, 5)
    found = along(keys, torch.tensor([0.0, 1.0, 2.0, 3.0, 0.5, 2.25]))
    torch.testing.assert_close(found[:4], keys[[0, 1, 2, 0]])
    torch.testing.assert_close(found[4], (keys[0] + keys[1]) / 2)
    torch.testing.assert_close(found[5], 0.75 * keys[2] + 0.25 * keys[0])


def test_frames_divide_the_measured_length_evenly():
    measured, lengths = [0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 2.0]
    found = even_positions(measured, lengths, 12)
    # By length: the first leg has 2 of 12 frames, the second 6, the third 4.
    assert found == pytest.approx([0, 0.5, *(1 + k / 6 for k in range(6)), *(2 + k / 4 for k in range(4))])


def test_speed_is_constant_where_the_path_is_not():
    def image(position: float) -> torch.Tensor:
        return torch.full((1, 3, 8, 8), math.sin(position * math.pi / 2) ** 3)

    measured = [k / 20 for k in range(21)]
    lengths = list(step_lengths(map(image, measured)))
    found = [image(position).mean().item() for position in even_positions(measured, lengths, 10)]
    steps = torch.tensor(found).diff().abs()
    assert steps.max() / steps.min() < 1.2


def test_people_who_look_alike_do_not_stop_the_walk():
    found = even_positions([0.0, 1.0, 2.0], [0.0, 1.0], 100)
    assert 1 <= sum(position < 1 for position in found) < 20
    assert len(set(found)) == 100
    assert even_positions([0.0, 1.0], [0.0], 4) == pytest.approx([0, 0.25, 0.5, 0.75])


@pytest.mark.parametrize(("measured", "lengths", "frames"), [([0.0, 1.0], [1.0], 0), ([0.0, 1.0], [1.0, 2.0], 4)])
def test_unusable_walks_are_refused(measured, lengths, frames: int):
    with pytest.raises(ValueError, match="walk"):
        even_positions(measured, lengths, frames)


def test_the_camera_sways_around_a_closed_loop():
    poses = sway(48, turns=2)
    assert poses[0] == (0, 0)
    steps = [math.dist(a, b) for a, b in zip(poses, [*poses[1:], poses[0]], strict=True)]
    assert max(steps) < 0.12
    assert max(yaw for yaw, _ in poses) > 0.3 > -0.3 > min(yaw for yaw, _ in poses)


def test_the_walk_meets_the_people(walk):
    camera = cameras_around_front(CONFIG, 0.2, 0.1)
    people = PairRenderer(walk.generator, walk.parts, None, walk.ws[1:2]).render(camera)
    for found, expected in zip(walk.pair(1.0, 0.2, 0.1), people, strict=True):
        torch.testing.assert_close(found.image, expected.image, atol=1e-5, rtol=1e-4)


def test_a_found_persons_own_details_fade_on_the_way(walk):
    residual = torch.randn(walk.generator.planes(walk.ws[:1]).values.shape[1:])
    tuned = WalkPath(walk.generator, walk.parts, walk.ws, walk.target_ws, residual)
    changed = [float((tuned.images(p) - walk.images(p)).abs().mean()) for p in (0.0, 0.5, 1.0, 1.5, 2.5, 3.0)]
    assert min(changed[:2]) > 0 == changed[2] == changed[3]
    assert changed[0] == pytest.approx(changed[-1], rel=1e-4)
    assert changed[4] > 0


def test_frames_are_a_loop_of_both_worlds_at_even_speed(walk):
    frames = list(walk_frames(walk, 30, pixel_distance))
    assert [frame.done for frame in frames] == list(range(1, frames[-1].total + 1))
    assert len(frames) == 3 * STEPS + 30
    pairs = [frame.pair for frame in frames if frame.pair is not None]
    assert len(pairs) == 30
    assert not torch.equal(pairs[0][0].image, pairs[0][1].image)
    steps = [float((a[1].image - b[1].image).abs().mean()) for a, b in zip(pairs, [*pairs[1:], pairs[0]], strict=True)]
    assert steps[-1] < 2 * max(steps[:-1])


def test_one_person_stands_still_while_the_camera_sways(walk):
    alone = WalkPath(walk.generator, walk.parts, walk.ws[:1], walk.target_ws[:1])
    pairs = [frame.pair for frame in walk_frames(alone, 8) if frame.pair is not None]
    assert len(pairs) == 8
    assert not torch.equal(pairs[0][0].image, pairs[2][0].image)
    torch.testing.assert_close(pairs[0][0].image, alone.pair(0.0)[0].image)
