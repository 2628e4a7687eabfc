"""Pivotal tuning: the portrait comes closer, other sides keep their shape, and the base keeps its weights."""

import pytest
import torch

from adapter.adaptation.domain import hash_tensors
from adapter.eg3d import cameras_around_front
from adapter.eg3d.planes import Planes
from adapter.latents.inversion import InversionSettings, invert
from adapter.latents.latent_space import LatentSpace
from adapter.latents.pivotal import TuningSettings, tune
from adapter.latents.target import Target


@pytest.fixture(scope="module")
def tuned(tiny, lpips):
    """Something that no latent shows: the mean person with a dark half."""
    camera = cameras_around_front(tiny.config, torch.zeros(1))
    with torch.no_grad():
        image = tiny.synthesis(tiny.mapping(torch.zeros(1, tiny.config.z_dim)), camera).image.clamp(-1, 1)
    image[..., 16:] -= 0.4
    before = hash_tensors(sorted(tiny.state_dict().items()))
    settings = InversionSettings(steps=2, camera_rate=0.0)
    *_, found = invert(tiny, image, lpips, settings, angles=(0.0, 0.0), space=LatentSpace.of(tiny, 64))
    target = Target(tiny, image, lpips, None)
    steps = list(tune(target, found, TuningSettings(steps=30, learning_rate=0.2, shape=0.5, preview_every=10)))
    assert hash_tensors(sorted(tiny.state_dict().items())) == before
    return found, steps


def test_the_portrait_comes_closer(tuned) -> None:
    _, steps = tuned
    first, last = (steps[k][0].losses["pixel"] for k in (0, -1))
    assert last < 0.9 * first
    assert [event.step for event, _ in steps] == list(range(1, 31))
    assert [event.step for event, _ in steps if event.preview is not None] == [10, 20, 30]


def test_the_residual_fits_the_planes_and_keeps_the_latent(tiny, tuned) -> None:
    found, steps = tuned
    event, residual = steps[-1]
    assert torch.equal(event.ws, found.ws)
    assert residual.shape == tiny.planes(found.ws).values.shape[1:]
    assert float(residual.abs().max()) > 0


def test_other_sides_keep_their_shape(tiny, tuned) -> None:
    found, steps = tuned
    planes = tiny.planes(found.ws)
    camera = cameras_around_front(tiny.config, torch.tensor([0.5]))
    moved = Planes(planes.values + steps[-1][1], planes.axes, planes.divisor)
    with torch.no_grad():
        before, after = (tiny.render(one, camera) for one in (planes, moved))
    assert float((before.opacity - after.opacity).abs().mean()) < 0.1
