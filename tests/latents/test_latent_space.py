"""The space of a base's people: in its coordinates they have mean 0 and covariance 1."""

import torch

from adapter.latents.latent_space import LatentSpace


def test_people_are_standard_in_their_own_coordinates(tiny) -> None:
    space = LatentSpace.of(tiny, samples=2048)
    z = torch.randn(1024, tiny.config.z_dim, generator=torch.Generator().manual_seed(9))
    found = space.to_coordinates(tiny.sample_ws(z)[:, 0])
    lengths = space.axes.norm(dim=1)
    assert (lengths.diff() <= 1e-6).all()
    wide = lengths > 0.02 * lengths[0]
    assert wide.sum() > 3
    assert found.mean(0)[wide].abs().max() < 0.2
    torch.testing.assert_close(torch.cov(found[:, wide].T), torch.eye(int(wide.sum())), atol=0.25, rtol=0)


def test_there_and_back(tiny) -> None:
    space = LatentSpace.of(tiny, samples=256)
    coordinates = torch.randn(3, 2, tiny.config.w_dim, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(space.to_coordinates(space.to_w(coordinates)), coordinates, atol=1e-3, rtol=1e-3)
