"""Methods as data: ranges, changes, and the way to JSON and back."""

import dataclasses
import json

import pytest

from adapter.errors import UserError
from adapter.methods.loss_terms import LOSSES, loss
from adapter.methods.offers import train_only
from adapter.methods.presets import METHODS, get_method, title
from adapter.methods.schema import PARTS, Method, Stage

ALL = [method for presets in METHODS.values() for method in presets.values()]


@pytest.mark.parametrize("method", ALL, ids=lambda method: f"{method.name}-{method.preset}")
def test_every_method_survives_json(method):
    assert Method.from_dict(json.loads(json.dumps(method.to_dict()))) == method


@pytest.mark.parametrize("preset", ["quick", "full", "clip-vit"])
def test_the_papers_four_losses_and_two_steps(preset):
    method = get_method("3d-adapter", preset)
    assert {"directional", "token_distribution", "image_structure", "feature_structure"} <= {
        term.kind for term in method.losses
    }
    assert [stage.train[0] for stage in method.stages] == ["decoder", "superresolution"]


def test_ablations_differ_in_one_thing_only():
    quick = get_method("3d-adapter", "quick")
    for term in quick.losses:
        if term.kind != "text_directional":
            without = get_method("3d-adapter", f"no-{term.kind.replace('_', '-')}")
            assert set(quick.losses) - set(without.losses) == {term}
            assert dataclasses.replace(without, losses=quick.losses, preset="quick", people=quick.people) == quick
    for preset, parts in {"g1": {"synthesis"}, "joint": {"decoder", "superresolution"}}.items():
        trained = get_method("3d-adapter", preset)
        assert (trained.losses, trained.steps) == (quick.losses, quick.steps)
        assert {part for part in PARTS if trained.trains(part)} - {"background"} == parts
    assert get_method("3d-adapter", "g2-then-tri-d").stages == quick.stages[::-1]


@pytest.mark.parametrize("preset", ["quick", "full", "long", "no-moments", "joint", "g2-then-tri-d"])
def test_people_have_losses_of_their_own_and_as_many_steps(preset: str):
    method = get_method("3d-adapter", preset)
    people = method.people
    assert people.steps == method.steps
    assert people.weight("mesh_guide") == method.weight("mesh_guide") > 0
    assert Method.from_dict(method.to_dict()) == method
    assert Method.from_dict({k: v for k, v in method.to_dict().items() if k != "people"}).people is None
    assert method.of_length(20).people.steps == 20
    only = train_only(get_method("3d-adapter", "quick"), ("decoder",))
    assert {part for stage in only.people.stages for part in stage.train} == {"decoder.net.2"}


def test_weights_change_for_people_in_the_same_proportion():
    quick = get_method("3d-adapter", "quick")
    same = quick.with_weights({kind: quick.weight(kind) for kind in ("moments", "mesh_guide", "token_distribution")})
    assert same == quick
    twice = quick.with_weights({"moments": 2 * quick.weight("moments"), "mesh_guide": 3.0, "analogy": 0.0})
    assert twice.people.weight("moments") == pytest.approx(2 * quick.people.weight("moments"))
    assert twice.people.weight("mesh_guide") == 3.0
    assert quick.with_weights({"moments": 0.0}).people.weight("moments") == 0


def test_difa_without_an_encoder_says_so():
    difa = get_method("difa", "quick")
    assert title(difa, inverter=True) == "DiFa"
    assert title(difa, inverter=False) == "DiFa (no SCC)"
    assert title(difa.with_weights({"consistency": 0}), inverter=True) == "DiFa (no SCC)"


def test_colour_layers_stay_as_they_are_in_nada_and_difa():
    for name in ("nada", "difa"):
        (stage,) = get_method(name, "quick").stages
        assert stage.rate("synthesis.b32.conv0.weight") > 0
        assert stage.rate("synthesis.b32.torgb.weight") == 0


def test_remodulation_is_a_part_by_itself():
    (stage,) = get_method("dorm", "quick").stages
    assert stage.rate("mapping.fc0.weight") > 0
    assert stage.rate("synthesis.b32.conv0.affine.shift.weight") > 0
    assert stage.rate("synthesis.b32.conv0.affine.own.weight") == 0
    assert stage.rate("decoder.net.0.weight") == 0


def test_vit_preset_has_no_colour_terms():
    assert all("ours" not in LOSSES[term.kind].description for term in get_method(preset="clip-vit").losses)


def test_lookup_names_the_choices():
    assert get_method() is METHODS["3d-adapter"]["full"]
    with pytest.raises(UserError, match="3d-adapter"):
        get_method("2d-adapter")
    with pytest.raises(UserError, match="quick"):
        get_method(preset="slow")


@pytest.mark.parametrize("weight", [-0.1, 101, float("nan"), "3", True])
def test_weights_outside_their_range_are_refused(weight):
    with pytest.raises(UserError, match="directional"):
        loss("directional", weight)


def test_unknown_losses_and_options_are_refused():
    with pytest.raises(UserError, match="token_distribution"):
        loss("style", 1.0)
    with pytest.raises(UserError, match="moments"):
        loss("moments", 1.0, window=3)


def test_files_of_before_list_every_option_of_every_loss():
    """Each loss once had the options of all; a file from then opens, and one of today opens there."""
    values = get_method("difa", "quick").to_dict()
    options = {"kind", "weight", "layers", "centred", "side", "points", "place", "window", "keep", "rows"}
    assert all(set(term) == options for term in values["losses"])
    for term in values["losses"]:
        term["window" if term["kind"] != "consistency" else "side"] = 7
    assert Method.from_dict(values) == get_method("difa", "quick")


@pytest.mark.parametrize(
    "values",
    [
        {"train": ()},
        {"train": ("mapping",)},
        {"steps": 0},
        {"steps": 1.5},
        {"learning_rate": 0},
        {"learning_rate": float("inf")},
        {"rates": (("affine", -1.0),)},
    ],
)
def test_bad_stages_are_refused(values):
    with pytest.raises(UserError):
        Stage(**{"name": "G2", "train": ("superresolution",), "steps": 3, **values})


@pytest.mark.parametrize(
    "values",
    [
        {"stages": ()},
        {"losses": ()},
        {"losses": (loss("moments", 0.0),)},
        {"losses": (loss("moments", 1.0), loss("moments", 2.0))},
        {"batch": 0},
        {"pool": 1},
        {"views": 0},
        {"views": 1},
        {"views": 3},
        {"pool": 33},
        {"batch": 3},
        {"yaw": 2.0},
        {"ema": 1.0},
        {"betas": (0.9, 1.0)},
        {"background": 65},
        {"background": 0},
    ],
)
def test_bad_methods_are_refused(values):
    with pytest.raises(UserError):
        dataclasses.replace(get_method(preset="quick"), **values)


@pytest.mark.parametrize("change", [{"stages": 3}, {"losses": [{}]}, {"colour": 1}, {"batch": "2"}])
def test_damaged_settings_are_refused(change):
    with pytest.raises(UserError):
        Method.from_dict({**get_method().to_dict(), **change})


def test_missing_settings_are_refused():
    with pytest.raises(UserError):
        Method.from_dict({"name": "3d-adapter"})


def test_changing_weights():
    method = get_method()
    changed = method.with_weights({"token_distribution": 1.25, "moments": 0})
    assert changed.weight("token_distribution") == 1.25
    assert changed.weight("moments") == 0
    assert changed.weight("directional") == method.weight("directional")
    with pytest.raises(UserError, match="style"):
        method.with_weights({"style": 1})
    with pytest.raises(UserError, match="token_distribution"):
        method.with_weights({"token_distribution": 1e6})


def test_changing_steps():
    changed = get_method().with_steps({"Tri-D": 0, "G2": 7})
    assert [(stage.name, stage.steps) for stage in changed.stages] == [("G2", 7)]
    assert changed.steps == 7
    with pytest.raises(UserError, match="Tri-D"):
        get_method().with_steps({"G1": 7})
    with pytest.raises(UserError):
        get_method().with_steps({"Tri-D": 0, "G2": 0})


@pytest.mark.parametrize("steps", [2, 3, 7, 290, 1000])
def test_another_length_keeps_the_stages_shares(steps):
    method = get_method("3d-adapter", "full")
    changed = method.of_length(steps)
    assert changed.steps == steps
    for before, after in zip(method.stages, changed.stages, strict=True):
        assert abs(after.steps - steps * before.steps / method.steps) < 1
    assert method.of_length(method.steps) == method


def test_another_length_takes_previews_and_the_window_along():
    method = get_method("difa", "quick")
    changed = method.of_length(3 * method.steps, "long")
    window, longer = (
        next(term.window for term in one.losses if term.kind == "consistency") for one in (method, changed)
    )
    assert (changed.preset, longer, changed.preview_every) == ("long", 3 * window, 3 * method.preview_every)
    assert method.of_length(1).preview_every == 1
    for steps in (0, 10_001, 2.5, True):
        with pytest.raises(UserError, match="from 1 to 10000"):
            method.of_length(steps)


def test_learning_rate_of_a_parameter():
    stage = Stage(
        "G2", ("superresolution.block1",), 3, 0.01, rates=(("conv", 2.0), ("conv0.affine", 0.0), ("noise", 5.0))
    )
    assert stage.rate("superresolution.block1.torgb.bias") == 0.01
    assert stage.rate("superresolution.block1.conv1.weight") == 0.02
    assert stage.rate("superresolution.block1.conv0.affine.bias") == 0
    assert stage.rate("superresolution.block1.conv0.noise_strength") == pytest.approx(0.05)
    assert stage.rate("superresolution.block10.torgb.bias") == 0
    assert stage.rate("decoder.net.0.weight") == 0
