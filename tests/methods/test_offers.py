"""What a visitor may change about a method, and what comes of it."""

import pytest

from adapter.errors import UserError
from adapter.methods.offers import OFFERS, PAGE_PRESETS, default_preset, plan, presets, trained_parts
from adapter.methods.presets import METHODS


def test_every_method_has_a_draft_that_is_shorter_than_its_best():
    for name in METHODS:
        draft, best = plan(name, "draft"), plan(name, default_preset(name))
        assert draft.steps < best.steps
        weights = [[(term.kind, term.weight) for term in plan(name, preset).losses] for preset in ("draft", "quick")]
        assert weights[0] == weights[1]
        assert presets(name)["draft"].seconds <= presets(name)[default_preset(name)].seconds
    assert set(PAGE_PRESETS) <= set(OFFERS["3d-adapter"])


def test_steps_keep_the_shares_of_the_stages():
    whole = plan("3d-adapter", "full")
    steps = whole.steps // 2
    half = plan("3d-adapter", "full", steps=steps)
    assert half.steps == steps
    assert [stage.steps / steps for stage in half.stages] == pytest.approx(
        [stage.steps / whole.steps for stage in whole.stages], abs=0.01
    )
    assert half.preview_every == pytest.approx(whole.preview_every / 2, abs=1)


def test_parts_that_may_not_train_do_not():
    chosen = plan("3d-adapter", "full", parts=["superresolution"])
    assert trained_parts(chosen) == ("superresolution",)
    assert [stage.name for stage in chosen.stages] == ["G2"]
    assert chosen.background == 0
    both = plan("3d-adapter", "full", parts=["decoder", "superresolution"])
    assert (len(both.stages), both.background) == (2, 0)


def test_weights_are_taken_over():
    assert plan("3d-adapter", "quick", {"directional": 0.5}).weight("directional") == 0.5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "magic"}, "no method named 'magic'"),
        ({"preset": "slow"}, "no preset named 'slow'"),
        ({"steps": 1}, "number of steps"),
        ({"steps": 10**6}, "number of steps"),
        ({"steps": True}, "number of steps"),
        ({"parts": []}, "Nothing is left to train"),
        ({"parts": ["hair"]}, "no part named 'hair'"),
        ({"weights": {"beauty": 1.0}}, "beauty"),
        ({"weights": {"directional": -1.0}}, "directional"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, said):
    with pytest.raises(UserError, match=said):
        plan(**{"name": "3d-adapter", "preset": "quick", **arguments})
