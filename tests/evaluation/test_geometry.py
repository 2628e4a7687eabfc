import pytest
import torch

from adapter.evaluation.geometry import depth_drift


def test_drift_of_scaled_moved_and_missing_shapes() -> None:
    source = torch.linspace(2, 3, 64).reshape(1, 1, 8, 8).repeat(4, 1, 1, 1)
    solid = torch.ones_like(source)
    target = source.clone()
    target[1] *= 1.1
    target[2].view(-1)[::2] += 0.02
    target[2].view(-1)[1::2] -= 0.02
    opacity = solid.clone()
    opacity[3] = 0
    drift = depth_drift(source, target, solid, opacity)
    assert drift[:2].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert drift[2].item() == pytest.approx(0.02, rel=0.15)
    assert drift[3].isnan()


def test_only_places_that_both_show_count() -> None:
    source = torch.full((1, 1, 4, 4), 2.5)
    target = source.clone()
    target[..., 0] = 9
    opacity = torch.ones_like(source)
    opacity[..., 0] = 0.2
    assert depth_drift(source, target, torch.ones_like(source), opacity).item() == 0
