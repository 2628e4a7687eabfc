"""The throat is the hollow below the chin, whatever hangs beside it."""

import dataclasses

import pytest

from adapter.eg3d import PRESETS
from adapter.meshes.trimming import throat_height
from tests.helpers.balls import ball_grid

CONFIG = PRESETS["heads"]
SIDE = CONFIG.rendering.box_warp
NECK = [((0.0, -0.02 * k, -0.005 * k), 0.1) for k in range(8, 20)]
BUST = [((0.0, 0.05, 0.02), 0.24), *NECK, ((0.0, -0.55, 0.02), 0.24)]
"""Head, a neck that leans back, and chest."""


def test_the_throat_lies_between_chin_and_chest():
    height = throat_height(ball_grid(96, SIDE, *BUST), 0.0, CONFIG)
    assert height == pytest.approx(-0.32, abs=0.03)


def test_hair_beside_the_neck_does_not_matter():
    hair = [((x, -0.25, 0.05), 0.13) for x in (-0.25, 0.25)]
    without = throat_height(ball_grid(96, SIDE, *BUST), 0.0, CONFIG)
    assert throat_height(ball_grid(96, SIDE, *BUST, *hair), 0.0, CONFIG) == without


@pytest.mark.parametrize("shape", [((0.0, 0.0, 0.0), 2.0), ((0.0, 0.4, 0.0), 0.1)])
def test_nothing_without_a_hollow_is_cut(shape):
    assert throat_height(ball_grid(48, SIDE, shape), 0.0, dataclasses.replace(CONFIG)) is None
