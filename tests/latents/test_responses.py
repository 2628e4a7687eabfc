"""Responses to edits as renders show them."""

import numpy as np
import torch

from adapter.latents.people import draw_people
from adapter.latents.responses import responses


def colors(image: torch.Tensor) -> np.ndarray:
    """Mean red and mean blue."""
    return image.mean(dim=(0, 2, 3))[[0, 2]].numpy()


def test_responses_grow_with_the_amount_and_vanish_without_one(tiny) -> None:
    people = list(draw_people(tiny, 2, 3))
    vectors = torch.randn(3, 1, tiny.config.w_dim, generator=torch.Generator().manual_seed(0))
    vectors[2] = 0
    small, large = (np.stack(list(responses(tiny, people, vectors, amount, colors))) for amount in (0.25, 1.0))
    assert small.shape == (2, 1, 3, 2)
    assert (small[:, :, 2] == 0).all()
    assert np.abs(large[:, :, :2]).sum() > 1.5 * np.abs(small[:, :, :2]).sum()


def test_worlds_that_are_the_base_respond_alike(tiny) -> None:
    seen = []
    vectors = torch.ones(1, 1, tiny.config.w_dim)
    (found,) = responses(
        tiny, list(draw_people(tiny, 1)), vectors, 1.0, colors, [None, tiny.parts()], lambda *told: seen.append(told)
    )
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    (number, edit, images) = seen[0]
    assert (number, edit, len(images)) == (0, 0, 2)
    assert not torch.equal(images[0], images[1])
