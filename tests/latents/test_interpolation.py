"""Walks: norms, ends, seams."""

import math

import pytest
import torch

from adapter.latents.interpolation import slerp, walk


def test_quarter_arc() -> None:
    found = slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 1 / 3)
    torch.testing.assert_close(found, torch.tensor([math.cos(math.pi / 6), math.sin(math.pi / 6)]))


def test_norm_goes_linearly_and_ends_are_met() -> None:
    a, b = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b, atol=1e-5, rtol=1e-4)
    middle = slerp(a, b, 0.5).norm(dim=1)
    torch.testing.assert_close(middle, (a.norm(dim=1) + b.norm(dim=1)) / 2)


@pytest.mark.parametrize("factor", [1.0, -1.0, 2.0])
def test_parallel_and_opposite_stay_finite(factor: float) -> None:
    a = torch.tensor([0.6, 0.8])
    found = slerp(a, factor * a, torch.linspace(0, 1, 5)[:, None].squeeze(1))
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[-1], factor * a)


def test_a_loop_has_no_seam_and_passes_everyone() -> None:
    keys = torch.randn(3, 32, generator=torch.Generator().manual_seed(1))
    path = walk(keys, 10)
    assert path.shape == (30, 32)
    torch.testing.assert_close(path[::10], keys)
    steps = (torch.cat([path[1:], path[:1]]) - path).norm(dim=1)
    assert steps.max() < 2 * steps.min()


def test_an_open_walk_ends_with_the_last() -> None:
    keys = torch.randn(3, 4, generator=torch.Generator().manual_seed(2))
    path = walk(keys, 5, loop=False)
    assert len(path) == 11
    torch.testing.assert_close(path[-1], keys[-1])


def test_lines_in_w_are_straight() -> None:
    keys = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(3))
    path = walk(keys, 4, space="w")
    assert path.shape == (8, 6, 8)
    torch.testing.assert_close(path[2], keys.mean(0))


def test_one_person_stands_still() -> None:
    key = torch.randn(1, 4)
    torch.testing.assert_close(walk(key, 3), key.expand(3, 4))
    torch.testing.assert_close(walk(key, 3, loop=False), key)


@pytest.mark.parametrize(("keys", "frames", "space"), [(0, 3, "z"), (2, 0, "z"), (2, 3, "y")])
def test_bad_walks_are_refused(keys: int, frames: int, space: str) -> None:
    with pytest.raises(ValueError, match=r"walk|space"):
        walk(torch.zeros(keys, 4), frames, space)
