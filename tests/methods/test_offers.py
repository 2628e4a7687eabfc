"""What a visitor may change about a method, and what comes of it."""

import pytest

from adapter.errors import UserError
from adapter.methods.offers import OFFERS, PAGE_PRESETS, customize, default_preset, page_presets, presets, trained_parts
from adapter.methods.presets import METHODS


def test_every_method_has_a_draft_that_is_shorter_than_its_best():
    for name in METHODS:
        draft, best = customize(name, "draft"), customize(name, default_preset(name))
        assert draft.steps < best.steps
        weights = [
            [(term.kind, term.weight) for term in customize(name, preset).losses] for preset in ("draft", "quick")
        ]
        assert weights[0] == weights[1]
        assert presets(name)["draft"].seconds <= presets(name)[default_preset(name)].seconds
    for encoder in ("clip-heads", "ViT-B-32"):
        assert page_presets("3d-adapter", encoder) == PAGE_PRESETS["clip-vit" if encoder == "ViT-B-32" else "embedded"]


def test_presets_fit_the_encoder():
    assert default_preset("3d-adapter", "ViT-B-32") == default_preset("nada", "ViT-B-16") == "clip-vit"
    assert page_presets("finetune", "ViT-B-32") == page_presets("stylize", "ViT-B-32") == ("draft", "clip-vit")
    assert customize("3d-adapter", "draft", encoder="ViT-B-32").losses == METHODS["3d-adapter"]["clip-vit"].losses


@pytest.mark.parametrize("preset", ["quick", "full", "long"])
def test_presets_that_an_encoder_cannot_read_are_not_offered(preset: str):
    with pytest.raises(UserError, match=r"no preset named .* Choose from: draft, clip-vit\."):
        customize("3d-adapter", preset, encoder="ViT-B-32")
    for family, kind in (("clip-vit", int), ("embedded", str)):
        terms = [term for own in OFFERS[family].values() for offer in own.values() for term in offer.method.losses]
        assert all(isinstance(layer, kind) for term in terms for layer in getattr(term, "layers", ()))
        assert set(OFFERS[family]) == set(METHODS)


def test_steps_keep_the_shares_of_the_stages():
    whole = customize("3d-adapter", "full")
    steps = whole.steps // 2
    half = customize("3d-adapter", "full", steps=steps)
    assert half.steps == steps
    assert [stage.steps / steps for stage in half.stages] == pytest.approx(
        [stage.steps / whole.steps for stage in whole.stages], abs=0.01
    )
    assert half.preview_every == pytest.approx(whole.preview_every / 2, abs=1)


def test_parts_that_may_not_train_do_not():
    chosen = customize("3d-adapter", "full", parts=["superresolution"])
    assert trained_parts(chosen) == ("superresolution",)
    assert [stage.name for stage in chosen.stages] == ["G2"]
    assert chosen.background == 0
    both = customize("3d-adapter", "full", parts=["decoder", "superresolution"])
    assert (len(both.stages), both.background) == (2, 0)


def test_weights_are_taken_over():
    assert customize("3d-adapter", "quick", {"directional": 0.5}).weight("directional") == 0.5


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
        customize(**{"name": "3d-adapter", "preset": "quick", **arguments})
