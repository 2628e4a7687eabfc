"""Prompts as directions: what the words say, and what they must not."""

import dataclasses

import pytest
import torch

from adapter.adaptation.guidance import Guidance, text_guidance
from adapter.adaptation.objective import Objective
from adapter.encoders import load_encoder, load_text_encoder
from adapter.encoders.templates import apply_templates
from adapter.errors import UserError
from adapter.methods import get_method

from .conftest import make_sources


@pytest.fixture(scope="module")
def text():
    return load_text_encoder("clip-heads")


def test_directions_are_unit_and_lead_from_source_to_prompt(text):
    guidance = text_guidance([text], "a bronze statue")
    (direction,), (goal,) = guidance.directions, guidance.destinations
    assert float(direction.norm()) == pytest.approx(1, abs=1e-5)
    towards, away = text.encode(["a bronze statue", "a photo of a face"]) @ direction
    assert towards > away
    assert float(text.encode(["a bronze statue"])[0] @ goal) > 0.8


def test_opposite_directions_for_swapped_texts(text):
    there = text_guidance([text], "a marble statue", "a pencil sketch").directions[0]
    back = text_guidance([text], "a pencil sketch", "a marble statue").directions[0]
    assert torch.allclose(there, -back, atol=1e-5)


def test_a_negative_prompt_turns_the_direction_away(text):
    plain = text_guidance([text], "a bronze statue").directions[0]
    turned = text_guidance([text], "a bronze statue", negative="a zombie").directions[0]
    away = text_guidance([text], "a zombie").directions[0]
    assert turned @ away < plain @ away


@pytest.mark.parametrize("negative", ["", "a zombie"])
def test_an_edit_may_start_at_the_mean_picture(text, generator, negative):
    """With a text as the mean picture, it is the edit from that text."""
    encoder = load_encoder("clip-heads")
    method = dataclasses.replace(get_method("nada", "quick"), pool=2)
    guidance = text_guidance([text], "a bronze statue", negative=negative, from_mean=True)
    sources = make_sources(generator, method, [encoder], embedding=True)
    start = text.encode(apply_templates("a watercolour")).mean(dim=0)
    encoded = dataclasses.replace(sources.encoded[0], embedding=start.expand(2, -1))
    objective = Objective([encoder], method, dataclasses.replace(sources, encoded=(encoded,)), guidance)
    expected = text_guidance([text], "a bronze statue", "a watercolour", negative).directions[0]
    torch.testing.assert_close(objective.goals[0][1], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("prompt", "source", "sentence"),
    [
        ("", "photo", "empty"),
        ("bronze", " ", "empty"),
        ("bronze " * 90, "photo", "too long"),
        ("photo", "photo", "nowhere"),
    ],
)
def test_unusable_texts_are_refused(text, prompt, source, sentence):
    with pytest.raises(UserError, match=sentence):
        text_guidance([text], prompt, source)


def test_a_prompt_that_fits_only_without_a_template_still_works(text):
    words = "bronze"
    while True:
        try:
            text.check(words + " statue")
        except UserError:
            break
        words += " statue"
    assert torch.isfinite(text_guidance([text], words).directions[0]).all()


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 8, 8), (0, 3, 8, 8)])
def test_references_must_be_images(shape):
    with pytest.raises(UserError, match="colour images"):
        Guidance(torch.zeros(shape))


def test_one_broken_reference_among_several_is_refused():
    images = torch.zeros(3, 3, 8, 8)
    images[1, 0, 0, 0] = float("nan")
    with pytest.raises(UserError, match="not numbers"):
        Guidance(images)
