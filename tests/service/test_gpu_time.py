"""Seconds of a GPU follow the method and the card, and are asked for with a margin."""

import pytest

from adapter.methods.offers import OFFERS
from adapter.service.gpu_time import CARDS, MARGIN, SLOWEST, Work, asked, result_seconds, training_seconds


def test_costlier_methods_take_longer_on_every_card():
    methods = {name: presets["clip-vit"].method for name, presets in OFFERS["clip-vit"].items()}
    assert len(methods) >= 6
    for card in CARDS.values():
        seconds = {name: training_seconds(method, card) / method.steps for name, method in methods.items()}
        assert seconds["3d-adapter"] < seconds["dorm"] < seconds["difa"] == seconds["nada"] < seconds["finetune"]
    slow, fast = (training_seconds(methods["3d-adapter"], CARDS[name]) for name in ("half an RTX PRO 6000", "H100"))
    assert fast < slow / 2


@pytest.mark.parametrize("family", list(OFFERS))
def test_every_offered_job_fits_into_a_minute_of_the_slowest_card(family: str):
    """But for those that nobody finds on the page."""
    for name, presets in OFFERS[family].items():
        for preset in ("draft", "quick", "full", "clip-vit"):
            if preset in presets:
                seconds = training_seconds(presets[preset].method, SLOWEST) + result_seconds(16, SLOWEST)
                assert seconds <= 60, (name, preset)


def test_a_step_takes_no_less_than_the_host_needs_to_start_it():
    card = CARDS["H100"]
    assert Work(1000, 0.1, 0.1).seconds(card) == pytest.approx(0.012)
    assert Work(1000, 100, 0).seconds(card) == pytest.approx(0.045)


def test_zerogpus_own_factor_is_not_asked_for_twice():
    card = CARDS["half an RTX PRO 6000"]
    assert asked(60, card) * card.factor == pytest.approx(60 * MARGIN, abs=card.factor)
    assert asked(60, CARDS["H100"]) == pytest.approx(60 * MARGIN, abs=1)
