"""Carrying one view into another, on a scene whose depth is known: a textured ball."""

import pytest
import torch

from adapter.eg3d import look_at
from adapter.evaluation.reprojection import reprojection_error
from tests.helpers.sphere import ball


@pytest.mark.parametrize("degrees", [10, 20])
def test_one_surface_seen_twice_has_almost_no_error(degrees: float) -> None:
    yaw = torch.deg2rad(torch.tensor(float(degrees))).item()
    here, there = look_at([0.0]), look_at([yaw])
    first, second = ball(here), ball(there)
    consistent = reprojection_error(*first, here, *second, there)
    repainted = reprojection_error(*first, here, *ball(there, shift=0.5), there)
    assert consistent.item() < 0.03
    assert repainted.item() > 5 * consistent.item()
