"""Moments by regions: hair is compared with hair, skin with skin, and nothing where no face was found."""

import pytest
import torch

from adapter.encoders.encoder import Encoded
from adapter.losses.base import Batch, EncodedBatch, LossContext, Sources, make_loss
from adapter.losses.face_view import FaceViews
from adapter.losses.moments import mean_and_covariance, moments, weighted_moments
from adapter.methods import loss
from tests.losses.test_mesh_guide import MIRROR, SIDE, view

TERM = loss("moments", 1.0, ("tokens",), centred=False, regions=True)


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def tokens_of(view, spreads, seed=0):
    """Tokens [1, T, 2] whose spread is another in each of a view's regions."""
    regions = view.regions(SIDE)
    spread = (regions * torch.tensor(spreads)[:, None]).sum(dim=0)
    return (torch.randn(SIDE * SIDE, 2, generator=random(seed)) * spread[:, None])[None]


def compare(target, reference, source_view, reference_view, references=1):
    images = torch.zeros(references, 3, SIDE, SIDE)
    nothing = torch.zeros(1, 1, SIDE, SIDE)
    sources = Sources(torch.zeros(1, 25), nothing, nothing, nothing, torch.zeros(1, 3, SIDE, SIDE))
    context = LossContext(sources, images, faces=FaceViews((source_view,), (reference_view,), MIRROR))
    encoded = [Encoded(None, {"tokens": one}) for one in (target, target, reference)]
    batch = EncodedBatch(*encoded, None, Encoded(None, {"tokens": torch.zeros(1, 1, 2)}))
    return make_loss(TERM, context)(Batch(torch.zeros(1, 3, SIDE, SIDE), [0], random(), encoded=(batch,)))


def test_weighted_moments_are_those_of_the_parts():
    points = torch.randn(1, 12, 3, generator=random())
    weights = torch.cat([torch.ones(5), torch.zeros(7)]).repeat(1, 1, 1)
    mean, covariance = weighted_moments(points, torch.cat([weights, 1 - weights], dim=1))
    for number, part in enumerate((points[0, :5], points[0, 5:])):
        expected_mean, expected = mean_and_covariance(part)
        torch.testing.assert_close(mean[0, number], expected_mean)
        # Weights know no degrees of freedom.
        torch.testing.assert_close(covariance[0, number], expected * (len(part) - 1) / len(part))


def test_each_region_is_compared_with_its_own_kind():
    source, reference = view((0.1, 0.0), 0.8), view((-0.1, 0.0), 0.9)
    rough_hair, rough_skin = (0.1, 2.0, 0.1, 0.1), (0.1, 0.1, 2.0, 0.1)
    like = compare(tokens_of(source, rough_hair), tokens_of(reference, rough_hair, 1), source, reference)
    unlike = compare(tokens_of(source, rough_skin), tokens_of(reference, rough_hair, 1), source, reference)
    assert like < 0.2 * unlike, "what is left is chance: 1,024 tokens"


def test_sources_without_a_face_are_left_out_and_unknown_faces_compare_everything():
    source, reference = view(), view()
    target, goal = tokens_of(source, (1.0,) * 4).requires_grad_(), tokens_of(reference, (1.0, 2.0, 0.5, 1.0), 1)
    silent = compare(target, goal, None, reference)
    silent.backward()
    assert silent.item() == 0
    assert not target.grad.any()
    whole = compare(target, goal, source, reference, references=2)
    assert whole.item() == pytest.approx(moments(target, goal[0]).item())


def test_identical_pictures_have_no_distance():
    source = view()
    tokens = tokens_of(source, (0.5, 2.0, 1.0, 1.0))
    assert compare(tokens, tokens, source, source).item() == pytest.approx(0, abs=1e-6)
