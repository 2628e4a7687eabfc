"""The loop: identity at the start, reproducible, closable, resumable, and honest about what went wrong."""

import dataclasses

import numpy as np
import pytest
import torch

from adapter.adaptation.checkpoint import TrainingState
from adapter.adaptation.domain import hash_tensors
from adapter.adaptation.guidance import Guidance
from adapter.adaptation.loop import FAILED, FINISHED, PREPARING, adapt
from adapter.adaptation.objective import ActiveLosses, Objective
from adapter.adaptation.parts import copy_parts
from adapter.adaptation.previews import PREVIEW_SEED, PREVIEW_YAWS
from adapter.adaptation.schedule import batch_of_step, learning_rate_share
from adapter.adaptation.source_cache import draw_pairs
from adapter.eg3d import look_at
from adapter.eg3d.camera import cameras_around_front
from adapter.errors import UserError
from adapter.methods import Stage, loss

from .conftest import METHOD, make_sources, run


@pytest.fixture(scope="module")
def events(generator, encoder, references):
    return run(generator, encoder, references, METHOD, seed=5)


@pytest.fixture(scope="module")
def pool(generator, encoder):
    layers = ActiveLosses.of(METHOD, Guidance(torch.zeros(1, 3, 8, 8))).layers
    return make_sources(generator, METHOD, [encoder], layers, embedding=True)


def equal(one, other):
    """Bit for bit, which runs in one process with one number of threads promise."""
    return one.weights.keys() == other.weights.keys() and all(
        torch.equal(value, other.weights[name]) for name, value in one.weights.items()
    )


def test_events_tell_the_whole_story(events, method):
    assert [event.step for event in events if event.stage == PREPARING] == [0, 2, 4]
    steps = [event for event in events if event.stage in ("Tri-D", "G2")]
    assert [event.step for event in steps] == list(range(1, method.steps + 1))
    assert {event.total for event in steps} == {method.steps}
    assert all(event.seconds_left >= 0 for event in steps)
    assert [event.step for event in steps if event.preview is not None] == [4, 5, 8, 12]
    assert all((event.preview is None) == (event.domain is None) for event in steps)
    assert "feature_structure" in steps[0].losses
    assert "feature_structure" not in steps[-1].losses
    for event in steps:
        parts = [value for name, value in event.losses.items() if name != "total"]
        assert event.losses["total"] == pytest.approx(sum(parts), rel=1e-5)
    last = events[-1]
    assert (last.stage, last.step, last.seconds_left) == (FINISHED, method.steps, 0)
    assert last.domain is steps[-1].domain
    assert last.domain.metadata.seed == 5
    assert last.domain.metadata.base == "tiny"


def test_previews_show_the_same_sources_and_a_changing_target(events):
    previews = [event.preview for event in events if event.preview is not None]
    assert previews[0].shape == (3, 2, 32, 32, 3)
    assert previews[0].dtype == np.uint8
    assert all(np.array_equal(preview[:, 0], previews[0][:, 0]) for preview in previews)
    assert not np.array_equal(previews[0][:, 1], previews[-1][:, 1])


def test_preview_shows_the_domain_it_comes_with(events, generator):
    event = events[-1]
    random = torch.Generator().manual_seed(PREVIEW_SEED)
    ws = generator.mapping(torch.randn(3, generator.config.z_dim, generator=random), None, 0.7)
    cameras = look_at(torch.tensor(PREVIEW_YAWS))
    _, target = generator.pair(generator.planes(ws), ws, cameras, event.domain.apply(generator))
    shown = (target.image * 127.5 + 128).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(shown - event.preview[:, 1]).max() < 4


def test_the_base_stays_as_it_is(generator, encoder, references, method):
    before = hash_tensors(generator.state_dict().items())
    run(generator, encoder, references, method)
    assert hash_tensors(generator.state_dict().items()) == before
    assert not any(parameter.requires_grad for parameter in generator.parameters())


def test_reproducible_from_the_seed(events, generator, encoder, references, method):
    again = run(generator, encoder, references, method, seed=5)
    assert equal(again[-1].domain, events[-1].domain)
    assert [event.losses for event in again] == [event.losses for event in events]
    other = run(generator, encoder, references, method, seed=6)
    assert not equal(other[-1].domain, events[-1].domain)


@pytest.mark.parametrize("step", [4, 5, 8])
def test_resumed_equals_uninterrupted(events, generator, encoder, references, method, tmp_path, step):
    state = next(event.state for event in events if event.state is not None and event.step == step)
    state.save(tmp_path / "state.safetensors")
    loaded = TrainingState.load(tmp_path / "state.safetensors")
    resumed = run(generator, encoder, references, method, seed=5, resume=loaded)
    assert [event.step for event in resumed if event.losses] == list(range(step + 1, method.steps + 1))
    assert equal(resumed[-1].domain, events[-1].domain)
    assert np.array_equal(resumed[-1].preview, events[-1].preview)


def test_a_state_of_another_run_is_refused(events, generator, encoder, references, method, tmp_path):
    state = next(event.state for event in events if event.state is not None)
    with pytest.raises(UserError, match="seed"):
        run(generator, encoder, references, method, seed=6, resume=state)
    with pytest.raises(UserError, match="reference"):
        run(generator, encoder, -references, method, seed=5, resume=state)
    changed = method.with_weights({"directional": 2.0})
    with pytest.raises(UserError, match="method"):
        run(generator, encoder, references, changed, seed=5, resume=state)


def test_damaged_states_are_refused(events, tmp_path):
    path = tmp_path / "state.safetensors"
    next(event.state for event in events if event.state is not None).save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError):
        TrainingState.load(path)
    events[-1].domain.save(path)
    with pytest.raises(UserError, match="not a saved run"):
        TrainingState.load(path)


def test_closing_stops_at_once(generator, encoder, references, method):
    before = torch.random.get_rng_state()
    stream = adapt(generator, encoder, references, method)
    seen = []
    for event in stream:
        seen.append(event)
        if event.step == 4 and event.stage == "Tri-D":
            break
    stream.close()
    assert next(stream, None) is None
    assert seen[-1].domain is not None
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("train", "moved"),
    [
        (("decoder",), {"decoder"}),
        (("superresolution",), {"superresolution"}),
        (("background",), {"background"}),
        (("superresolution.block1.torgb",), {"superresolution"}),
        (("decoder", "superresolution"), {"decoder", "superresolution"}),
    ],
)
def test_only_the_named_parts_change(generator, encoder, references, method, train, moved):
    method = dataclasses.replace(method, stages=(Stage("only", train, 2),))
    domain = run(generator, encoder, references, method)[-1].domain
    assert {name.split(".")[0] for name in domain.weights} == moved
    assert all(any(name.startswith(part) for part in train) for name in domain.weights)


def test_a_raw_stage_may_keep_the_shape(generator, encoder, references, method):
    stage = Stage("colors", ("decoder.net.2",), 3, 0.1, fixed_density=True, raw=True)
    last = run(generator, encoder, references, dataclasses.replace(method, stages=(stage,), background=0))[-2]
    # Losses that read tokens compare no raw renderings.
    assert {"colour_distribution", "view_consistency", "feature_structure"} < set(last.losses)
    assert {"directional", "token_distribution", "moments"}.isdisjoint(last.losses)
    weights = last.domain.weights
    assert set(weights) == {"decoder.net.2.weight", "decoder.net.2.bias"}
    assert all(not value[0].any() and value[1:].any() for value in weights.values())


def test_noise_strengths_are_trained(events):
    strengths = {name: value for name, value in events[-1].domain.weights.items() if "noise_strength" in name}
    assert len(strengths) == 4
    assert all(value.abs() > 0 for value in strengths.values())


def test_untouched_parts_change_nothing(generator, pool, encoder, references, method):
    parts = copy_parts(generator, 4)
    ws, cameras = pool.ws[:2], look_at([0.1, -0.2])
    source, target = generator.pair(generator.planes(ws), ws, cameras, generator.parts())
    # Source and target may be computed in batches of their own, whose products differ in their last bits.
    torch.testing.assert_close(source.image, target.image, atol=1e-5, rtol=0)
    torch.testing.assert_close(source.depth, target.depth, atol=1e-5, rtol=0)
    index = list(range(len(pool)))
    features = generator.march(pool.samples[index].float(), parts).features
    images = generator.superresolve(features, pool.ws, parts).detach().requires_grad_()
    objective = Objective([encoder], method, pool, Guidance(references))
    losses = objective(images, index, features, torch.Generator().manual_seed(0))
    assert losses["image_structure"].item() == pytest.approx(0, abs=1e-10)
    assert losses["feature_structure"].item() == pytest.approx(0, abs=1e-10)
    assert losses["directional"].item() == pytest.approx(1, abs=1e-3)
    sum(losses.values()).backward()
    assert torch.isfinite(images.grad).all()


def test_cached_samples_equal_the_full_path(generator, pool, method):
    """fp16 storage of plane features is all that differs."""
    z, cameras = draw_pairs(generator.config, method, 0)
    exact = generator.render(generator.planes(generator.mapping(z)), cameras)
    assert torch.allclose(pool.features, exact.features, atol=2e-3)
    again = generator.march(pool.samples.float()).features  # of all pairs together, not two by two
    torch.testing.assert_close(pool.features, again, atol=1e-5, rtol=0)


def test_cameras_are_true_angles_from_the_front(generator):
    yaw, pitch = torch.tensor([0.3, -0.2]), torch.tensor([0.1, 0.0])
    assert torch.allclose(cameras_around_front(generator.config, yaw, pitch), look_at(yaw, pitch), atol=1e-5)


def test_several_references_count_as_one_domain(generator, encoder, references, method):
    several = torch.cat([references, -references, references.flip(-1)])
    domain = run(generator, encoder, several, method)[-1].domain
    twice = run(generator, encoder, torch.cat([references, references]), method)[-1].domain
    once = run(generator, encoder, references, method)[-1].domain
    assert not equal(domain, once)
    drift = max((value.float() - once.weights[name].float()).abs().max() for name, value in twice.weights.items())
    assert drift < 0.05


def test_mirroring_uses_the_mirror_image(generator, encoder, references, method, pool):
    mirrored = dataclasses.replace(method, mirrored=True)
    objective = Objective([encoder], mirrored, pool, Guidance(references))
    assert torch.equal(objective.references, torch.cat([references, references.flip(-1)]))


def test_a_loss_that_is_not_a_number_ends_the_run(generator, encoder, references, method, monkeypatch):
    calls = iter(range(100))
    genuine = Objective.__call__

    def sometimes_nan(self, images, *rest):
        values = genuine(self, images, *rest)
        return {**values, "broken": images.sum() * float("nan")} if next(calls) == 6 else values

    monkeypatch.setattr(Objective, "__call__", sometimes_nan)
    events = run(generator, encoder, references, method)
    assert events[-1].stage == FAILED
    assert "step 7" in events[-1].message
    assert "kept" in events[-1].message
    good = [event for event in events if event.preview is not None][-1]
    assert good.step == 5
    assert equal(events[-1].domain, good.domain)


def test_failing_before_any_domain_says_so(generator, encoder, references, method, monkeypatch):
    monkeypatch.setattr(Objective, "__call__", lambda self, images, *_: {"broken": images.sum() * float("inf")})
    last = run(generator, encoder, references, method)[-1]
    assert (last.stage, last.domain) == (FAILED, None)
    assert "No domain" in last.message


@pytest.mark.parametrize("shape", [(3, 32, 32), (0, 3, 32, 32), (1, 1, 32, 32)])
def test_unusable_references_are_refused(generator, encoder, method, shape):
    with pytest.raises(UserError, match="reference"):
        run(generator, encoder, torch.zeros(shape), method)


def test_references_must_be_finite(generator, encoder, references, method):
    with pytest.raises(UserError, match="not numbers"):
        run(generator, encoder, references * float("nan"), method)


def test_encoders_stop_early_where_no_loss_reads_the_embedding(method, references):
    assert ActiveLosses.of(method, Guidance(references)).embedding
    pooled = loss("directional", 1.0, (2,))
    changed = dataclasses.replace(method, losses=(pooled, *method.losses[1:]))
    assert not ActiveLosses.of(changed, Guidance(references)).embedding
    assert ActiveLosses.of(changed, Guidance(references)).layers == (2, 0, 1)


def test_schedule_rises_then_falls():
    rates = [learning_rate_share(step, 100, 10, 0.05) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == max(rates)
    assert rates[-1] == pytest.approx(0.05, abs=1e-2)
    assert learning_rate_share(0, 1, 0, 0.05) == 1


def test_every_round_trains_on_every_pair_once():
    for turn in range(4):
        assert len({place for i in range(3) for place in batch_of_step(7, 2, 1, 3 * turn + i)}) == 6
    assert len({tuple(batch_of_step(7, 2, 1, step)) for step in range(12)}) > 6


def test_a_persons_views_stay_together(generator, method):
    z, cameras = draw_pairs(generator.config, dataclasses.replace(method, pool=8), 0)
    assert z.shape == (8, generator.config.z_dim)
    assert torch.equal(z[0::2], z[1::2])
    assert len(z.unique(dim=0)) == 4
    assert len(cameras.unique(dim=0)) == 8
    for turn in range(3):
        batches = [batch_of_step(12, 4, 1, 3 * turn + i, views=2) for i in range(3)]
        assert sorted(place for batch in batches for place in batch) == list(range(12))
        assert all(batch[k] % 2 == 0 and batch[k + 1] == batch[k] + 1 for batch in batches for k in (0, 2))


def test_background_colour_looks_where_nothing_stands(generator, encoder, references, method, pool):
    term = loss("background_colour", 1.0, side=8)
    empty = torch.zeros_like(pool.opacity)
    empty[:, :, 8:] = 1
    half = dataclasses.replace(pool, opacity=empty)
    objective = Objective([encoder], dataclasses.replace(method, losses=(term,)), half, Guidance(references))
    images = references.repeat(2, 1, 1, 1)
    images[:, :, 16:] = 0.7
    random = torch.Generator()
    assert objective(images, [0, 1], None, random)["background_colour"].item() == pytest.approx(0, abs=1e-6)
    images[:, :, :16] += 0.25
    assert objective(images, [0, 1], None, random)["background_colour"].item() == pytest.approx(0.25, abs=1e-5)
