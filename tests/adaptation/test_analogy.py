"""Analogies: a reference that is its own twin comes back, a repainted one is followed place by place."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from adapter.adaptation import analogy
from adapter.adaptation.analogy import find_twins, guides
from adapter.adaptation.guidance import Guidance
from adapter.adaptation.loop import adapt
from adapter.adaptation.objective import Objective
from adapter.adaptation.source_cache import draw_pairs, fill_pool, join, see
from adapter.methods.schema import LossTerm

TERM = LossTerm("analogy", 1.0, (0, 1), side=16)


class Finder:
    """Sees the same person in every picture, from the same angle, and counts how often it is asked."""

    renders = True

    def __init__(self, ws):
        self.ws, self.asked = ws, 0

    def __call__(self, images):
        raise AssertionError("No loss of these tests reads codes.")

    def look(self, images):
        self.asked += 1
        return self.ws.expand(len(images), -1, -1), torch.tensor([[0.1, 0.0]]).expand(len(images), -1)


@pytest.fixture(scope="module")
def pool(generator, encoder):
    from .conftest import METHOD

    return join(list(fill_pool(generator, [encoder], (0, 1), *draw_pairs(generator.config, METHOD, 0))))


@pytest.fixture
def sharp(monkeypatch):
    """Only the very likest place counts."""
    monkeypatch.setattr(analogy, "SOFTNESS", 1e-6)


def twin_of(generator, encoder, pool, place):
    chosen = slice(place, place + 1)
    z, ws, cameras = pool.latents[chosen], pool.ws[chosen], pool.cameras[chosen]
    return see(generator, [encoder], (0, 1), z, ws, cameras, embedding=False)


def colours(images):
    return F.adaptive_avg_pool2d(images, 16).flatten(2).transpose(1, 2)


def test_a_source_that_is_the_twin_is_asked_to_become_the_reference(generator, encoder, pool, sharp):
    twin = twin_of(generator, encoder, pool, 2)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = guides(pool, twin, picture, TERM)
    assert found.shape == (len(pool), 256, 3)
    assert torch.allclose(found[2], colours(picture)[0], atol=1e-4)


def test_guides_hold_no_colour_that_the_reference_lacks(generator, encoder, pool):
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    found, there = guides(pool, twin_of(generator, encoder, pool, 0), picture, TERM), colours(picture)
    assert (found.amax(dim=(0, 1)) <= there.amax(dim=(0, 1)) + 1e-5).all()
    assert (found.amin(dim=(0, 1)) >= there.amin(dim=(0, 1)) - 1e-5).all()


def test_several_references_are_asked_together(generator, encoder, pool, sharp):
    twins = join([twin_of(generator, encoder, pool, place) for place in (1, 3)])
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    found = guides(pool, twins, pictures, TERM)
    assert torch.allclose(found[1], colours(pictures)[0], atol=1e-4)
    assert torch.allclose(found[3], colours(pictures)[1], atol=1e-4)


def test_the_loss_is_zero_at_the_guide_and_counts_in_units_of_colour(generator, encoder, pool, references, method):
    alone = dataclasses.replace(method, losses=(LossTerm("analogy", 2.0, (0, 1), side=32),))
    twins = twin_of(generator, encoder, pool, 0)
    objective = Objective([encoder], alone, pool, Guidance(references), twins=twins)
    wanted = objective.guides[[0, 1]].transpose(1, 2).unflatten(2, (32, 32))
    assert objective(wanted, [0, 1], None, torch.Generator())["analogy"].item() == pytest.approx(0, abs=1e-6)
    assert objective(wanted + 0.25, [0, 1], None, torch.Generator())["analogy"].item() == pytest.approx(0.5, abs=1e-5)


def test_twins_stand_nearer_to_the_mean_than_what_was_seen(generator, encoder, references, pool):
    finder = Finder(pool.ws[:1])
    twins = find_twins(generator, [encoder], (0,), torch.cat([references, -references]), finder)
    mean = generator.backbone.mapping.w_avg
    assert len(twins) == 2
    assert torch.allclose(twins.ws[0] - mean, analogy.TWIN_PSI * (pool.ws[0] - mean), atol=1e-6)
    assert twins.seen[0].embedding is None


@pytest.mark.parametrize("inverter", [None, lambda images: images])
def test_without_an_encoder_that_finds_people_there_are_no_twins(generator, encoder, references, inverter):
    assert find_twins(generator, [encoder], (0,), references, inverter) is None


def test_a_run_looks_for_twins_only_where_a_loss_asks(generator, encoder, references, method, pool):
    finder = Finder(pool.ws[:1])
    short = method.of_length(2)
    events = list(adapt(generator, encoder, references, short, base="tiny", inverter=finder))
    assert finder.asked == 0
    more = dataclasses.replace(short, losses=(*short.losses, TERM))
    guided = list(adapt(generator, encoder, references, more, base="tiny", inverter=finder))
    assert finder.asked == 1
    assert "analogy" in guided[-2].losses
    without = list(adapt(generator, encoder, references, more, base="tiny"))
    assert "analogy" not in without[-2].losses
    assert without[-2].losses["total"] == events[-2].losses["total"]
