"""Responses to edits as renders show them, and edits made of them."""

import numpy as np
import pytest
import torch

from adapter.latents import responses as module
from adapter.latents.find_directions import Measured, draw_people, find
from adapter.latents.latent_space import LatentSpace
from adapter.latents.responses import axis_responses, looks, responses


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


@pytest.mark.usefixtures("brightness")
def test_axes_respond_as_the_edits_along_them_do(tiny) -> None:
    space = LatentSpace.of(tiny, samples=64)
    told = []
    jacobian = axis_responses(tiny, space, 3, 2, 5, lambda *seen: told.append(seen))
    people = list(draw_people(tiny, 2, 5))
    expected = [
        found[0] / (2 * module.AMOUNT) for found in responses(tiny, people, space.axes[:3, None], module.AMOUNT)
    ]
    assert jacobian == pytest.approx(np.mean(expected, axis=0))
    assert told == [(1, 2), (2, 2)]


def test_edits_by_a_jacobian_move_their_own_measure_alone(tiny) -> None:
    space = LatentSpace.of(tiny)
    random = torch.Generator().manual_seed(4)
    w = tiny.sample_ws(torch.randn(300, tiny.config.z_dim, generator=random))[:, 0]
    x = space.to_coordinates(w)
    values = torch.stack([x[:, 0], x[:, 0] + x[:, 1]], dim=1).double().numpy()
    # People differ in both measures at once, but a render follows the first axis with the first measure alone.
    jacobian = np.array([[1.0, 0.2], [0.0, 1.0], [0.5, 0.0]])
    about = (("smile", "", ""), ("age", "", ""))
    smile, age = find(tiny, Measured(w, values, about), jacobian=jacobian)
    moved = [space.to_coordinates(space.mean + one.vector)[:3].numpy() @ jacobian for one in (smile, age)]
    assert abs(moved[0][1]) < 0.25 * moved[0][0]
    assert abs(moved[1][0]) < 0.25 * moved[1][1]
