import copy

import numpy as np
import torch

from adapter.eg3d.front import Front
from adapter.eg3d.generator import Generator
from adapter.training.faces.front_features import KEPT, Basis, unfold
from adapter.training.faces.latents import PoseSpace
from adapter.training.faces.network import (
    FACES,
    TYPICAL_PSI,
    Whitening,
    find_whitening,
    fold,
    front_planes,
    mapping_tensors,
)
from adapter.training.faces.recipe import Recipe
from adapter.training.faces.train import begin, restore, save

GRID = torch.rand(256, 256, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _space() -> PoseSpace:
    rng = np.random.default_rng(0)
    readers, movers = rng.normal(size=(512, 2)), rng.normal(size=(512, 2))
    return PoseSpace(rng.normal(size=512), readers, movers, rng.normal(size=(468, 3)), np.ones(2))


def _mapping() -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(1)
    return mapping_tensors(rng.normal(size=(8, 512, 512)) / 25, rng.normal(size=(8, 512)) / 25)


def test_neutral_people_have_no_pose_and_turn_as_asked():
    space = _space()
    neutral = space.neutral(np.random.default_rng(2).normal(size=(5, 512)))
    np.testing.assert_allclose((neutral - space.mean) @ space.readers, 0, atol=1e-9)
    np.testing.assert_allclose(space.neutral(neutral), neutral, atol=1e-9)
    turned = space.turned(neutral, np.full((5, 2), 0.3))
    np.testing.assert_allclose(space.neutral(turned), neutral, atol=1e-9)


def test_whitened_latents_lead_with_their_strong_directions():
    space, mapping = _space(), _mapping()
    whitening = find_whitening(space, mapping, 2000)
    assert whitening.matrix.shape == (512, 512)
    assert bool(whitening.matrix.isfinite().all())


def test_the_folded_generator_shows_what_training_saw():
    space, mapping = _space(), _mapping()
    whitening = Whitening(torch.randn(512), torch.randn(512, 512) / 30)
    run = begin(whitening, GRID, Recipe())
    torch.nn.init.normal_(run.average_reader.write.weight, std=0.1)
    front = Front(FACES.front, 512, FACES.plane_channels)
    basis = Basis((torch.randn(512), torch.randn(256)), (torch.randn(512, KEPT), torch.randn(256, KEPT)))
    unfold(run.average_reader, basis, front.reader)
    finished = fold(run.average, copy.deepcopy(front), whitening, space, mapping)
    assert isinstance(finished, Generator)
    assert finished.config.image_resolution == 256
    ws = finished.mapping(torch.randn(1, 512))
    truncated = space.mean + TYPICAL_PSI * (ws[:, 0].double().numpy() - space.mean)
    seen = whitening(torch.from_numpy(space.neutral(truncated)).float())
    w = torch.from_numpy(space.neutral(truncated)).float()
    layers = front.synthesis(w[:, None].expand(-1, 6, -1))
    added = run.average_reader(*(basis.project(level, layer) for level, layer in enumerate(layers)))
    planes = front_planes(run.average, seen[:, None].expand(-1, FACES.num_ws, -1), added).values.detach()
    scale = planes.abs().mean()
    assert (finished.planes(ws).values - planes).abs().max() < 1e-2 * scale


def test_a_run_goes_on_where_it_stopped(tmp_path):
    run = begin(Whitening(torch.randn(512), torch.eye(512)), GRID, Recipe())
    sum(value.square().sum() for value in run.trained().values()).backward()
    run.optimizer.step()
    run.step = 7
    save(run, tmp_path / "state.safetensors")
    again = restore(tmp_path / "state.safetensors", Recipe())
    assert again.step == 7
    torch.testing.assert_close(again.reader.grid, GRID)
    for name, value in run.trained().items():
        other = again.trained()[name]
        torch.testing.assert_close(other, value)
        for key, moment in run.optimizer.state[value].items():
            torch.testing.assert_close(again.optimizer.state[other][key], moment)


def test_the_rate_rises_stays_and_falls():
    recipe = Recipe(steps=1000, warmup=100, cooldown=0.4, rate=1.0)
    assert recipe.rate_at(9) == 0.1
    assert recipe.rate_at(500) == 1.0
    assert abs(recipe.rate_at(1000) - 0.05) < 1e-9
