"""Perceptual path length: a known path has its known length, in every world."""

import dataclasses

import numpy as np
import pytest
import torch

from adapter.eg3d import Eg3d
from adapter.evaluation.path_length import mean_length, path_distances, path_length_table
from adapter.latents.walks import pixel_distance
from tests.helpers.tiny_base import CONFIG


@pytest.fixture(scope="module")
def generator() -> Eg3d:
    torch.manual_seed(0)
    smooth = dataclasses.replace(CONFIG, rendering=dataclasses.replace(CONFIG.rendering, importance_samples=0))
    return Eg3d(smooth).eval().requires_grad_(False)


def test_it_does_not_depend_on_the_step_where_pictures_change_smoothly(generator):
    lengths = [sum(path_distances(generator, None, pixel_distance, 6, step=step)) for step in (2e-3, 4e-3)]
    assert lengths[0] > 0
    assert lengths[1] == pytest.approx(lengths[0], rel=0.1)


def test_the_same_people_walk_in_every_world(generator):
    source = list(path_distances(generator, None, pixel_distance, 3, seed=5))
    same = list(path_distances(generator, generator.parts(), pixel_distance, 3, seed=5))
    np.testing.assert_allclose(same, source, rtol=0.02)
    louder = generator.parts()
    louder.superresolution.block1.torgb.weight.data.mul_(0.1)
    assert sum(path_distances(generator, louder, pixel_distance, 3, seed=5)) < 0.8 * sum(source)
    assert list(path_distances(generator, None, pixel_distance, 3, seed=6)) != source


def test_outliers_are_left_out():
    values = [1.0] * 98 + [0.0, 1e9]
    assert mean_length(values) == 1
    assert mean_length([2.0]) == 2


def test_the_table_compares_with_the_source():
    text = path_length_table({"source": 2.0, "bronze": 3.0})
    assert "| source | 2.000 | 1.00 |" in text
    assert "| bronze | 3.000 | 1.50 |" in text
