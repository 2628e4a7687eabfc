"""Text to reference with a real, tiny pipeline."""

import pytest
import torch

from adapter.diffusion.reference import ReferenceSettings, make_references, native_side
from adapter.errors import UserError

from .conftest import SIDE


@pytest.fixture(scope="module")
def renders():
    return torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_pictures_of_the_models_size_in_range(pipeline, renders) -> None:
    made = make_references(pipeline, renders, "a bronze statue")
    assert native_side(pipeline) == SIDE
    assert made.shape == (2, 3, SIDE, SIDE)
    assert made.min() >= -1
    assert made.max() <= 1
    assert not torch.equal(made[0], made[1])


def test_the_seed_decides(pipeline, renders) -> None:
    one, same, other = (
        make_references(pipeline, renders[:1], "a statue", ReferenceSettings(seed=seed)) for seed in (1, 1, 2)
    )
    torch.testing.assert_close(one, same, atol=1e-4, rtol=0)  # convolutions may differ in their last bits
    assert not torch.allclose(one, other, atol=1e-2)


def test_the_prompt_is_heard(pipeline, renders) -> None:
    one, other = (make_references(pipeline, renders[:1], text) for text in ("a statue", "z"))
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("steps", "strength"), [(1, 0.5), (2, 0.65), (4, 1.0), (3, 0.3)])
def test_the_steps_asked_for_are_made(pipeline, renders, steps: int, strength: float) -> None:
    seen = []
    settings = ReferenceSettings(steps=steps, strength=strength, guidance=2.0, negative="blue")
    make_references(pipeline, renders[:1], "a statue", settings, lambda done, total: seen.append((done, total)))
    assert seen == [(k + 1, steps) for k in range(steps)]


def test_the_caller_can_stop_it(pipeline, renders) -> None:
    def stop(_done: int, _total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        make_references(pipeline, renders[:1], "a statue", on_step=stop)


@pytest.mark.parametrize("values", [{"strength": 0.0}, {"strength": 1.5}, {"steps": 0}, {"guidance": -1.0}])
def test_settings_outside_their_range_are_refused(values: dict) -> None:
    with pytest.raises(UserError):
        ReferenceSettings(**values)


def test_other_shapes_and_empty_prompts_are_refused(pipeline, renders) -> None:
    with pytest.raises(UserError, match="Square"):
        make_references(pipeline, renders[:, :, :20], "a statue")
    with pytest.raises(UserError, match="empty"):
        make_references(pipeline, renders, "")


def test_a_picture_held_back_is_told(pipeline, renders, monkeypatch) -> None:
    def held_back(self, **_: object):
        from diffusers.pipelines.stable_diffusion import StableDiffusionPipelineOutput

        return StableDiffusionPipelineOutput(images=torch.zeros(1, 8, 8, 3).numpy(), nsfw_content_detected=[True])

    monkeypatch.setattr(type(pipeline), "__call__", held_back)
    with pytest.raises(UserError, match="held"):
        make_references(pipeline, renders[:1], "a statue")
