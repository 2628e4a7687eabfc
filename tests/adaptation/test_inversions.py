"""Analogies: a reference that is its own inversion comes back, a repainted one is followed place by place."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from adapter.adaptation import inversions
from adapter.adaptation.guidance import Guidance
from adapter.adaptation.inversions import invert_references
from adapter.adaptation.objective import Objective
from adapter.adaptation.source_cache import SourceEncoder, join_caches
from adapter.losses import analogy
from adapter.losses.analogy import guides
from adapter.methods import loss

from .conftest import make_sources, run

TERM = loss("analogy", 1.0, (0, 1), side=16)


class Finder:
    """Predicts the same identity for every picture, from the same angle, and counts how often it is called."""

    def __init__(self, ws):
        self.ws, self.calls = ws, 0

    def __call__(self, images):
        raise AssertionError("No loss of these tests reads codes.")

    def predict(self, images):
        self.calls += 1
        return self.ws.expand(len(images), -1, -1), torch.tensor([[0.1, 0.0]]).expand(len(images), -1)


@pytest.fixture(scope="module")
def pool(generator, encoder):
    return make_sources(generator, encoders=[encoder], layers=(0, 1), embedding=True)


@pytest.fixture
def sharp(monkeypatch):
    """Only the very likest place counts."""
    monkeypatch.setattr(analogy, "SOFTNESS", 1e-6)


def inversion_of(generator, encoder, pool, place):
    chosen = slice(place, place + 1)
    z, ws, cameras = pool.latents[chosen], pool.ws[chosen], pool.cameras[chosen]
    return SourceEncoder(generator, [encoder], (0, 1)).encode(z, ws, cameras)


def colours(images):
    return F.adaptive_avg_pool2d(images, 16).flatten(2).transpose(1, 2)


def test_a_source_that_is_the_inversion_is_asked_to_become_the_reference(generator, encoder, pool, sharp):
    inversion = inversion_of(generator, encoder, pool, 2)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = guides(pool, inversion, picture, TERM)
    assert found.shape == (len(pool), 256, 3)
    assert torch.allclose(found[2], colours(picture)[0], atol=1e-4)


def test_guides_hold_no_colour_that_the_reference_lacks(generator, encoder, pool):
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    found, there = guides(pool, inversion_of(generator, encoder, pool, 0), picture, TERM), colours(picture)
    assert (found.amax(dim=(0, 1)) <= there.amax(dim=(0, 1)) + 1e-5).all()
    assert (found.amin(dim=(0, 1)) >= there.amin(dim=(0, 1)) - 1e-5).all()


def test_several_references_are_asked_together(generator, encoder, pool, sharp):
    inverted = join_caches([inversion_of(generator, encoder, pool, place) for place in (1, 3)])
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    found = guides(pool, inverted, pictures, TERM)
    assert torch.allclose(found[1], colours(pictures)[0], atol=1e-4)
    assert torch.allclose(found[3], colours(pictures)[1], atol=1e-4)


def test_the_loss_is_zero_at_the_guide_and_counts_in_units_of_colour(generator, encoder, pool, references, method):
    alone = dataclasses.replace(method, losses=(loss("analogy", 2.0, (0, 1), side=32),))
    inverted = inversion_of(generator, encoder, pool, 0)
    finder = Finder(pool.ws[:1])
    objective = Objective([encoder], alone, pool, Guidance(references), finder, inversions=inverted)
    wanted = objective.losses["analogy"].guides[[0, 1]].transpose(1, 2).unflatten(2, (32, 32))
    assert objective(wanted, [0, 1], None, torch.Generator())["analogy"].item() == pytest.approx(0, abs=1e-6)
    assert objective(wanted + 0.25, [0, 1], None, torch.Generator())["analogy"].item() == pytest.approx(0.5, abs=1e-5)


def test_inverted_stand_nearer_to_the_mean_than_what_was_seen(generator, encoder, references, pool):
    finder = Finder(pool.ws[:1])
    inverted = invert_references(
        SourceEncoder(generator, [encoder], (0,)), torch.cat([references, -references]), finder
    )
    mean = generator.backbone.mapping.w_avg
    assert len(inverted) == 2
    assert torch.allclose(inverted.ws[0] - mean, inversions.INVERSION_PSI * (pool.ws[0] - mean), atol=1e-6)
    assert inverted.encoded[0].embedding is None


def test_a_run_looks_for_inverted_only_where_a_loss_asks(generator, encoder, references, method, pool):
    finder = Finder(pool.ws[:1])
    short = method.of_length(2)
    events = run(generator, encoder, references, short, inverter=finder)
    assert finder.calls == 0
    more = dataclasses.replace(short, losses=(*short.losses, TERM))
    guided = run(generator, encoder, references, more, inverter=finder)
    assert finder.calls == 1
    assert "analogy" in guided[-2].losses
    without = run(generator, encoder, references, more)
    assert "analogy" not in without[-2].losses
    assert without[-2].losses["total"] == pytest.approx(events[-2].losses["total"], rel=1e-4)
