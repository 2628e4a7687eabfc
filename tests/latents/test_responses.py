"""Responses to edits as renders show them, and mixtures that move one measure each."""

import numpy as np
import pytest
import torch

from adapter.latents import responses as module
from adapter.latents.find_directions import draw_people
from adapter.latents.responses import looks, responses, untangled


@pytest.fixture
def brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two measures in place of the mesh's: mean red and mean blue."""
    monkeypatch.setattr(module, "measure", lambda picture: picture.reshape(-1, 3).mean(axis=0)[[0, 2]])


@pytest.mark.usefixtures("brightness")
def test_responses_grow_with_the_amount_and_vanish_without_one(tiny) -> None:
    people = list(draw_people(tiny, 2, 3))
    vectors = torch.randn(3, 1, tiny.config.w_dim, generator=torch.Generator().manual_seed(0))
    vectors[2] = 0
    small, large = (np.stack(list(responses(tiny, people, vectors, amount))) for amount in (0.25, 1.0))
    assert small.shape == (2, 1, 3, 2)
    assert (small[:, :, 2] == 0).all()
    assert np.abs(large[:, :, :2]).sum() > 1.5 * np.abs(small[:, :, :2]).sum()


@pytest.mark.usefixtures("brightness")
def test_worlds_that_are_the_base_respond_alike(tiny) -> None:
    seen = []
    vectors = torch.ones(1, 1, tiny.config.w_dim)
    (found,) = responses(
        tiny, list(draw_people(tiny, 1)), vectors, 1.0, [None, tiny.parts()], lambda *told: seen.append(told)
    )
    assert found[0] == pytest.approx(found[1])
    (number, edit, images) = seen[0]
    assert (number, edit, len(images)) == (0, 0, 2)
    assert not torch.equal(images[0], images[1])


@torch.no_grad()
def test_a_look_is_what_synthesis_renders(tiny) -> None:
    from adapter.eg3d.camera import cameras_around_front

    (ws,) = draw_people(tiny, 1)
    (image,) = looks(tiny, ws, [None])
    camera = cameras_around_front(tiny.config, torch.zeros(1))
    assert torch.allclose(image, tiny.synthesis(ws, camera).image, atol=1e-5)  # sums in another order


def test_mixtures_move_their_own_measure_alone() -> None:
    # The first edit drags the second measure along, and the third one, which no measure tells, both.
    changes = np.array([[2.0, 1.0], [0.0, 1.0], [1.0, -1.0]])
    vectors = torch.eye(3)
    mixed = untangled(vectors, changes, [0, 1, None])
    moved = mixed.numpy() @ changes
    # The noise that is reckoned with keeps a little.
    assert moved[:2] == pytest.approx(np.eye(2), abs=0.06)
    assert moved[2] == pytest.approx(np.zeros(2), abs=0.06)
    assert float(mixed[2, 2]) == 1
