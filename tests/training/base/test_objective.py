"""The regression of the embedded base, on a tiny generator and made-up renders."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from adapter.eg3d import PRESETS, Eg3dConfig, look_at
from adapter.training.base.data import INNER_BORDER, Renders
from adapter.training.base.objective import Weights, guided_depths, regression_losses
from adapter.training.base.train import Recipe, Run, begin, finish, restore, save, train

SEGMENTS = ("background", "skin", "eye")
SIZE = 32


@pytest.fixture
def config() -> Eg3dConfig:
    heads = PRESETS["heads"]
    sizes = dataclasses.replace(heads.superresolution, input_resolution=16, channels=(8, 8))
    return dataclasses.replace(
        heads,
        superresolution=sizes,
        z_dim=4,
        w_dim=24,
        first_resolution=16,
        plane_resolution=16,
        plane_channels=4,
        channel_max=8,
        feature_channels=4,
        decoder_hidden=8,
        raw_resolution=16,
    )


@pytest.fixture
def renders(tmp_path: Path) -> Renders:
    rng = np.random.default_rng(0)
    people, views = 6, 3
    mask = np.zeros((people, views, SIZE, SIZE), np.uint8)
    mask[:, :, 8:24, 8:24] = 255
    arrays = {
        "color": np.where(mask[..., None] > 0, rng.integers(0, 120, (people, 1, 1, 1, 3)), 255).astype(np.uint8),
        "mask": mask,
        "depth": np.where(mask > 0, 2.6, 0).astype(np.float16),
        "segmentation": (mask > 0).astype(np.uint8),
        "cameras": look_at(torch.rand(people * views) - 0.5).reshape(people, views, 25).numpy(),
        "latents": rng.normal(size=(people, 4)).astype(np.float32),
    }
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    return Renders(tmp_path, SEGMENTS)


def fresh(config: Eg3dConfig, recipe: Recipe) -> Run:
    return begin(config, torch.eye(4)[:3], recipe)


def whole(images: torch.Tensor) -> list[torch.Tensor]:
    return [images + 2]


def test_patches_line_up_with_the_image_they_were_cut_from(renders: Renders) -> None:
    batch = renders.batch(np.random.default_rng(1), 4, 2, 8, 16)
    assert batch.color.shape == (8, 3, 16, 16)
    assert batch.points.shape == (8, 64, 2)
    u, v = batch.points[:, :, 0].reshape(8, 8, 8), batch.points[:, :, 1].reshape(8, 8, 8)
    inside = (u > 0.25) & (u < 0.75) & (v > 0.25) & (v < 0.75)
    assert torch.equal(inside, batch.mask[:, 0, ::2, ::2] > 0.5)


def test_inner_edges_of_patches_do_not_count_but_the_image_border_does(renders: Renders) -> None:
    patches = renders.batch(np.random.default_rng(1), 4, 2, 8, 16)
    assert patches.valid.min() == 0
    left = patches.points[:, :, 0].amin(dim=1) > 0.05
    assert (patches.valid[left][..., :INNER_BORDER] == 0).all()
    assert renders.batch(np.random.default_rng(1), 2, 2, 16, 16).valid.min() == 1


def test_guided_samples_are_sorted_and_lie_around_the_surface() -> None:
    depth = torch.full((2, 50), 2.6)
    hit = torch.zeros(2, 50, dtype=torch.bool)
    hit[0] = True
    depths = guided_depths(depth, hit, 2.3, 3.1, 6, 7, torch.Generator().manual_seed(0))
    assert depths.shape == (2, 50, 13)
    assert (depths.diff(dim=-1) >= 0).all()
    near = (depths - 2.6).abs() < 0.1
    assert near[0].float().mean() > near[1].float().mean() + 0.2


def test_rays_that_hit_nothing_leave_gradients_finite(config: Eg3dConfig, renders: Renders) -> None:
    run = fresh(config, Recipe())
    run.generator.decoder.net[2].bias.data[0] = -50
    batch = renders.batch(np.random.default_rng(0), 2, 2, 8, 16)
    terms = regression_losses(run.generator, batch, whole, Weights(), torch.Generator().manual_seed(0))
    sum(terms.values()).backward()
    assert all(torch.isfinite(value) for value in terms.values())
    gradients = [p.grad for p in run.generator.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_training_learns_and_resumes(config: Eg3dConfig, renders: Renders, tmp_path: Path) -> None:
    recipe = Recipe(steps=30, identities=2, views=2, patch=8, warmup=5, clip=1.0)
    run = fresh(config, recipe)
    reports = list(train(run, renders, recipe, whole))
    assert reports[-1]["final"] < reports[0]["final"]
    save(run, tmp_path / "state.safetensors")
    again = fresh(config, recipe)
    restore(again, tmp_path / "state.safetensors")
    assert again.step == 30
    for name, value in run.generator.state_dict().items():
        assert torch.equal(value, again.generator.state_dict()[name]), name
    longer = dataclasses.replace(recipe, steps=32)
    assert [report["step"] for report in train(again, renders, longer, whole)] == [31, 32]


def test_the_finished_generator_has_a_truncation_centre(config: Eg3dConfig) -> None:
    run = fresh(config, Recipe())
    done = finish(run)
    assert done.config == config
    z = torch.randn(2000, 4, generator=torch.Generator().manual_seed(3))
    mean = done.mapping(z)[:, 0].mean(dim=0)
    assert (done.backbone.mapping.w_avg - mean).abs().max() < 0.1
    assert done.mapping(z[:2], truncation_psi=0.0)[0, 0].equal(done.backbone.mapping.w_avg)


def test_the_mapping_starts_with_the_attributes(config: Eg3dConfig) -> None:
    run = fresh(config, Recipe())
    z = torch.tensor([[2.0, 0, 0, 0], [-2.0, 0, 0, 0]])
    w = run.generator.mapping(z)[:, 0]
    assert (w[0] - w[1]).abs().max() > 1
