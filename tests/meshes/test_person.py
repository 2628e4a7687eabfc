"""Whole people of the embedded heads: meshes look like the renders and like the true heads, in both worlds."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from adapter.adaptation import Domain
from adapter.eg3d import Eg3d, cameras_around_front
from adapter.eg3d.pair import PairRenderer
from adapter.evaluation.mesh_shapes import silhouette_overlap, true_mesh
from adapter.meshes.files import save_person
from adapter.meshes.mesh import MeshSettings
from adapter.meshes.person import PersonMeshes, make_meshes, mesh_steps
from adapter.meshes.reading import load_mesh
from adapter.scene import Identities
from adapter.synthetic.ground_truth import HeadsGroundTruth
from adapter.utils.paths import CHECKPOINTS
from tests.helpers.zbuffer import picture

SETTINGS = MeshSettings(resolution=96, faces=8000, texture=512)
TINY = MeshSettings(resolution=32, faces=500, texture=128)


@pytest.fixture(scope="module")
def latents() -> torch.Tensor:
    return HeadsGroundTruth().latents(1, 7).float()


@pytest.fixture(scope="module")
def pairing(latents) -> PairRenderer:
    generator = Eg3d.from_pretrained("heads")
    parts = Domain.load(CHECKPOINTS / "domains" / "bronze.safetensors").apply(generator)
    people = Identities.of(generator, latents, 1.0)
    return PairRenderer(generator, parts, people.latents, people.ws)


@pytest.fixture(scope="module")
def meshes(pairing) -> PersonMeshes:
    return make_meshes(pairing, SETTINGS)


@pytest.fixture(scope="module")
def opened(meshes, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return {path.name: load_mesh(path) for path in save_person(tmp_path_factory.mktemp("person"), meshes)}


@pytest.mark.parametrize("angles", [(0.0, 0.0), (0.5, 0.1), (-0.7, 0.0)])
@pytest.mark.parametrize("kind", ["glb", "ply"])
def test_the_files_render_as_the_generator_does(pairing, opened, angles: tuple[float, float], kind: str):
    camera = cameras_around_front(pairing.generator.config, *angles)
    for name, output in zip(("source", "target"), pairing.render(camera), strict=True):
        image = (output.image[0].permute(1, 2, 0).numpy() * 0.5 + 0.5).clip(0, 1)
        colors, there = picture(opened[f"{name}.{kind}"], camera, len(image))
        assert 0.2 < there.mean() < 0.8
        error = np.abs(colors - image)[there].mean()
        other = np.abs(colors.transpose(1, 0, 2) - image)[there].mean()
        assert error < 0.07
        assert error < 0.5 * other


def test_both_worlds_stand_alike(meshes):
    floors = [world.textured.vertices[:, 1].min() for world in (meshes.source, meshes.target)]
    assert floors[0] == pytest.approx(floors[1], abs=0.02)
    assert -0.4 < floors[0] < -0.25


def test_silhouettes_are_those_of_the_true_head(meshes, latents):
    mesh = meshes.source.textured
    truth = true_mesh(latents[0], float(mesh.vertices[:, 1].min()))
    assert silhouette_overlap((mesh.vertices, mesh.faces), truth) > 0.92


def test_the_texture_is_of_that_world(opened):
    source, target = opened["source.glb"].texture, opened["target.glb"].texture
    assert source.shape == target.shape == (512, 512, 3)
    assert np.abs(source.reshape(-1, 3).mean(axis=0) - target.reshape(-1, 3).mean(axis=0)).max() > 10


def test_progress_rises_and_closing_ends_it(pairing):
    shares, done = [], []
    steps = mesh_steps(pairing, TINY, target=False)

    def run():
        done.append((yield from steps))

    shares = [step.fraction for step in run()]
    assert done[0].target is None
    assert shares == sorted(shares)
    assert shares[0] < 0.4
    assert shares[-1] == pytest.approx(1)
    steps = mesh_steps(pairing, TINY)
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


def test_untrimmed_meshes_reach_below_the_throat(pairing, meshes):
    whole = make_meshes(pairing, dataclasses.replace(TINY, trim=False), target=False)
    assert whole.source.dense.vertices[:, 1].min() < meshes.source.dense.vertices[:, 1].min() - 0.02


def test_result_and_adapter_write_files(tmp_path: Path):
    from adapter.result import write_meshes

    generator = Eg3d.from_pretrained("heads")
    written = write_meshes(tmp_path, generator, None, 3, 0.7, TINY)
    assert [path.name for path in written] == ["source.glb", "source.ply"]
    assert all(path.stat().st_size > 1000 for path in written)
