"""The registry: every loss has its data and its class under one name."""

import pytest

from adapter.losses import REGISTRY
from adapter.losses.base import Loss, register
from adapter.methods.loss_terms import GUIDING, LOSSES


def test_every_loss_has_its_data_and_its_class():
    assert REGISTRY.keys() == LOSSES.keys()
    for kind, term in LOSSES.items():
        assert term.kind == kind
        assert term.description
        assert issubclass(REGISTRY[kind], Loss)


def test_classes_belong_to_one_known_name():
    with pytest.raises(ValueError, match="beauty"):
        register("beauty")(Loss)
    with pytest.raises(ValueError, match="moments"):
        register("moments")(Loss)


def test_methods_without_guidance_are_only_those_that_hold_on_to_the_source():
    holding = {kind for kind, term in LOSSES.items() if not GUIDING.intersection(term.requires)}
    structure = {"image_structure", "feature_structure"}
    assert holding == structure | {"background_variation", "view_consistency", "consistency"}
