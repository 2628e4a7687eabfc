"""A rim is a band around the silhouette of another color than what lies beyond; landmarks know when they moved."""

import math
from pathlib import Path

import pytest
import torch

from adapter.evaluation.portraits import mesh_error, rim
from adapter.media.images import load_image, to_tensor

EXAMPLES = Path(__file__).parents[2] / "examples"
SIDE = 80


def disk(radius: float) -> torch.Tensor:
    along = torch.linspace(-1, 1, SIDE)
    return (torch.stack(torch.meshgrid(along, along, indexing="ij")).norm(dim=0) < radius).float()


def test_a_rim_is_what_differs_from_the_background_beyond() -> None:
    person, around = disk(0.5), disk(0.6) - disk(0.5)
    ramp = torch.linspace(-0.5, 0.5, SIDE).expand(SIDE, SIDE)
    clean = torch.where(person > 0, 0.9, ramp).expand(3, -1, -1)
    rimmed = torch.where(around > 0, clean + 0.3, clean)
    found = rim(torch.stack([clean, rimmed]), torch.stack([person, person])[:, None])
    assert found[0] < 0.05, "what is inside does not count, nor does a slope"
    assert found[1] - found[0] == pytest.approx(0.3, abs=0.05)


def test_without_a_silhouette_there_is_no_rim() -> None:
    assert rim(torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, 1, 8, 8)).isnan().all()


def test_landmarks_move_with_the_picture() -> None:
    face = to_tensor(load_image(EXAMPLES / "astronaut.jpg"), 256)
    assert mesh_error(face, face) == pytest.approx(0, abs=1e-6)
    moved = torch.roll(face, 8, dims=-1)
    assert 0.01 < mesh_error(face, moved) < 0.3
    assert math.isnan(mesh_error(face, torch.zeros_like(face)))
