"""Ground truth: the same identities as the renderer's, in the right style."""

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from adapter.evaluation.reprojection import reprojection_error
from adapter.synthetic.ground_truth import ATTRIBUTES, CLASSES, HeadsGroundTruth, class_of
from adapter.synthetic.heads.attributes import edit, sample_latent
from adapter.synthetic.heads.facts import FACTS
from adapter.synthetic.heads.render import orbit_camera, render
from adapter.synthetic.styles import STYLES

CAMERAS = torch.from_numpy(np.stack([orbit_camera(0.2, 0.05), orbit_camera(-0.1, 0.0)]))


@pytest.fixture(scope="module")
def truth() -> HeadsGroundTruth:
    return HeadsGroundTruth(48)


def test_plain_pictures_are_the_renders(truth: HeadsGroundTruth) -> None:
    z = truth.latents(2, seed=5)
    images = truth.images("plain", z, CAMERAS)
    expected = render(z[1].numpy(), CAMERAS[1:].numpy(), 48).color[0] * 2 - 1
    assert images.shape == (2, 3, 48, 48)
    assert np.allclose(images[1].permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_styled_pictures_are_the_styles_own(truth: HeadsGroundTruth) -> None:
    z = truth.latents(2, seed=5)
    head = render(z[0].numpy(), CAMERAS[:1].numpy(), 48)
    expected = STYLES["orc"].render(head, CAMERAS[:1].numpy())[0] * 2 - 1
    assert np.allclose(truth.images("orc", z, CAMERAS)[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_colors_can_be_replaced_and_the_shape_stays(truth: HeadsGroundTruth) -> None:
    z = truth.latents(2, seed=5)
    plain = truth.images("plain", z, CAMERAS)
    same, dark = (truth.images("sepia photo", z, CAMERAS, colors) for colors in (plain, plain * 0 - 0.8))
    own = truth.images("sepia photo", z, CAMERAS)
    assert (same - own).abs().mean() < 0.02
    assert (dark - own).abs().mean() > 0.05
    # The way to [0, 1] and back may round.
    assert torch.allclose(truth.images("plain", z, CAMERAS, dark), dark, atol=1e-6)


def test_shapes_are_the_renders_whatever_their_side(truth: HeadsGroundTruth) -> None:
    z = truth.latents(2, seed=5)
    head = render(z[1].numpy(), CAMERAS[1:].numpy(), 48)
    depth, opacity = truth.shape(z, CAMERAS, 48)
    assert depth.shape == opacity.shape == (2, 1, 48, 48)
    assert np.allclose(depth[1, 0].numpy(), head.depth[0], atol=1e-5)
    assert np.allclose(opacity[1, 0].numpy(), head.mask[0], atol=1e-6)
    depth, opacity = truth.shape(z, CAMERAS, 12)
    shown = opacity[1, 0] > 0.01
    inside = head.depth[0][head.depth[0] > 0]
    assert depth[1, 0][shown].min() >= inside.min() - 1e-4
    assert depth[1, 0][shown].max() <= inside.max() + 1e-4


def test_true_pictures_agree_between_views_far_better_than_strangers(truth: HeadsGroundTruth) -> None:
    z = truth.latents(2, seed=5)[:1]
    cameras = [torch.from_numpy(orbit_camera(yaw, 0.0))[None] for yaw in (0.0, 0.17)]
    front, side = ((truth.images("plain", z, c), *truth.shape(z, c, 48), c) for c in cameras)
    other = truth.images("plain", truth.latents(2, seed=5)[1:], cameras[1])
    error = reprojection_error(*front, *side)
    assert error < 0.3 * reprojection_error(*front, other, *side[1:])


def test_references_show_someone_else_in_each_style_and_no_glasses(truth: HeadsGroundTruth) -> None:
    reference = truth.reference("orc", 64)
    assert reference.shape == (1, 3, 64, 64)
    assert reference.min() >= -1
    assert reference.max() <= 1
    assert torch.equal(reference, truth.reference("orc", 64))


def test_latents_are_reproducible_and_their_own_for_each_seed(truth: HeadsGroundTruth) -> None:
    assert torch.equal(truth.latents(3, 1), truth.latents(3, 1))
    assert not torch.equal(truth.latents(3, 1), truth.latents(3, 2))


def test_labels_follow_edits(truth: HeadsGroundTruth) -> None:
    z = sample_latent(np.random.default_rng(0))
    people = [edit(z, glasses=value, sex=value, beard=2.0) for value in (-2.0, 2.0)]
    latents = torch.from_numpy(np.stack(people).astype(np.float32))
    assert truth.labels(latents, "glasses") == ["no", "yes"]
    assert truth.labels(latents, "sex") == ["woman", "man"]
    assert truth.labels(latents, "beard")[0] == "no"


def test_every_fact_has_a_class() -> None:
    for attribute, (fact, places) in ATTRIBUTES.items():
        assert len(places) == len(FACTS[fact])
        assert set(places) == set(range(len(CLASSES[attribute])))
    facts = np.zeros((2, len(FACTS)), np.uint8)
    facts[1, list(FACTS).index("age")] = 3
    assert class_of(facts, "age").tolist() == [0, 2]


def test_every_style_has_a_prompt(truth: HeadsGroundTruth) -> None:
    assert truth.prompt("bronze") == "a bronze statue"
    assert all(truth.prompt(style).strip() for style in truth.styles)
