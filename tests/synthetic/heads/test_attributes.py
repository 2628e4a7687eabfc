import numpy as np
import pytest

from adapter.synthetic.heads.attributes import (
    GLASSES_MARGIN,
    GLASSES_THRESHOLD,
    NAMES,
    Z_DIM,
    attribute_value,
    attributes,
    average_latent,
    coordinates,
    describe,
    direction,
    edit,
    sample_latent,
)

RNG_SEED = 7


def latents(count):
    rng = np.random.default_rng(RNG_SEED)
    return [sample_latent(rng) for _ in range(count)]


def test_directions_are_orthonormal():
    directions = np.stack([direction(n) for n in NAMES])
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(NAMES)), atol=1e-12)


def test_unknown_direction_is_refused():
    with pytest.raises(KeyError):
        direction("height")


def test_norm_of_the_latent_carries_nothing():
    z = latents(1)[0]
    first, second = vars(attributes(z)), vars(attributes(4.0 * z.astype(np.float64)))
    assert {k: pytest.approx(v, abs=1e-9) for k, v in first.items()} == second


def test_step_along_a_direction_raises_that_attribute_and_keeps_the_order_of_others():
    z = latents(1)[0]
    before, after = coordinates(z), coordinates(z + 1.5 * direction("smile"))
    change = after - before
    assert np.argmax(np.abs(change)) == NAMES.index("smile")
    assert change[NAMES.index("smile")] > 0.5


def test_edit_sets_values_and_leaves_all_others():
    start = next(z for z in latents(20) if (coordinates(z)[: len(NAMES)] ** 2).sum() < 18)
    z = edit(start, smile=1.5, beard=-2.0)
    u, original = coordinates(z), coordinates(start)
    assert attribute_value(z, "smile") == pytest.approx(1.5)
    assert attribute_value(z, "beard") == pytest.approx(-2.0)
    kept = [i for i, n in enumerate(NAMES) if n not in ("smile", "beard")]
    np.testing.assert_allclose(u[kept], original[kept], atol=1e-6)


def test_average_latent_has_every_attribute_in_its_middle():
    np.testing.assert_allclose(coordinates(average_latent())[: len(NAMES)], 0, atol=1e-12)


def test_sampled_latents_are_normal_and_clear_about_glasses():
    z = np.stack(latents(2000))
    assert z.shape == (2000, Z_DIM)
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02
    glasses = np.array([attribute_value(v, "glasses") for v in z])
    assert np.abs(glasses - GLASSES_THRESHOLD).min() > GLASSES_MARGIN
    assert 0.14 < np.mean([attributes(v).glasses for v in z]) < 0.26


def test_all_attributes_but_glasses_are_continuous():
    rng = np.random.default_rng(3)
    for z in latents(40):
        step = 1e-4 * rng.standard_normal(Z_DIM)
        before, after = vars(attributes(z)), vars(attributes(z + step))
        assert all(abs(before[k] - after[k]) < 0.02 for k in before if k != "glasses")


def test_descriptions_name_what_the_values_say():
    z = edit(average_latent(), sex=2.0, beard=2.0, age=2.5, glasses=2.0, smile=2.0, hair_length=-2.5)
    words = describe(z)
    assert (words["sex"], words["age_group"], words["hair_colour"]) == ("man", "elderly", "grey")
    assert words["bearded"]
    assert words["glasses"]
    assert words["smiling"]
    assert words["hair_style"] in ("bald", "buzz cut")
    child = describe(edit(average_latent(), sex=-2.0, beard=2.0, age=-2.5, glasses=-1.0, hair_tone=2.5))
    assert (child["sex"], child["age_group"], child["bearded"], child["glasses"]) == ("woman", "child", False, False)
    assert child["hair_colour"] == "blond"


def test_every_caption_class_occurs():
    words = [describe(z) for z in latents(1500)]
    for key, expected in (
        ("age_group", 4),
        ("hair_colour", 5),
        ("hair_style", 5),
        ("skin_tone", 4),
        ("eye_colour", 4),
        ("sex", 2),
    ):
        values, counts = np.unique([w[key] for w in words], return_counts=True)
        assert len(values) == expected, key
        assert counts.min() > 15, (key, dict(zip(values, counts, strict=True)))
