"""The level whose silhouette is that of the renders."""

import pytest
import torch

from adapter.eg3d import RenderingConfig, look_at
from adapter.meshes.surface_level import OFFICIAL_LEVEL, surface_level
from tests.helpers.balls import ball_grid
from tests.helpers.sphere import RADIUS, ball

CONFIG = RenderingConfig(ray_start=2.2, ray_end=3.2, box_warp=0.8)


def test_it_finds_the_rendered_ball_inside_of_a_larger_one():
    cameras = look_at([0.0, 0.6], 0.0)
    opacity = ball(cameras)[2]
    level = surface_level(ball_grid(64, 0.8, ((0.0, 0.0, 0.0), 0.35)), cameras, opacity, CONFIG)
    assert level == pytest.approx(0.35 - RADIUS, abs=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_pictures_without_a_silhouette_tell_nothing(value: float):
    grid, opacity = ball_grid(32, 0.8, ((0.0, 0.0, 0.0), 0.3)), torch.full((1, 1, 8, 8), value)
    lowest, highest = float(grid.values.min()), float(grid.values.max())
    assert lowest < surface_level(grid, look_at([0.0]), opacity, CONFIG) < highest
    grid.values.add_(1000)
    assert surface_level(grid, look_at([0.0]), opacity, CONFIG) == OFFICIAL_LEVEL
