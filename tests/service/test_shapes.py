"""Jobs that make meshes and walks: files that open, stops, and sentences."""

from pathlib import Path

import av
import pytest
import torch

from adapter.adaptation import Domain, DomainMetadata, fingerprint
from adapter.eg3d import Eg3d
from adapter.errors import UserError
from adapter.meshes.reading import load_mesh
from adapter.service.jobs import mesh_job, render_file
from adapter.service.shape_requests import MeshRequest, WalkRequest
from adapter.service.worker import walk

SMALL = {"resolution": 32, "faces": 200, "texture": 128}


@pytest.fixture(scope="module")
def ball_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base whose people are balls: every plane holds how near the middle a place is."""
    from tests.helpers.tiny_base import CONFIG

    folder = tmp_path_factory.mktemp("balls")
    torch.manual_seed(0)
    generator = Eg3d(CONFIG)
    output = generator.decoder.net[2]
    output.weight.data[0], output.bias.data[0] = 0.0, 60.0
    generator.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def domain(ball_base: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    generator = Eg3d.from_pretrained(ball_base)
    changed = {name: value + 0.5 for name, value in generator.parts().named_parameters() if name.startswith("superres")}
    about = DomainMetadata(str(ball_base), fingerprint(generator), "3d-adapter")
    path = tmp_path_factory.mktemp("domains") / "a.safetensors"
    Domain.between(generator.parts(), changed, about).save(path)
    return str(path)


def test_meshes_of_both_worlds_are_written_and_open(ball_base: Path, domain: str, tmp_path: Path):
    request = MeshRequest(str(tmp_path), mix=((domain, 1.0),), base=str(ball_base), trim=False, **SMALL)
    updates = list(mesh_job(request))
    assert [Path(file).name for file in updates[-1].files] == ["source.glb", "target.glb", "source.ply", "target.ply"]
    assert all(not update.files for update in updates[:-1])
    fractions = [update.fraction for update in updates]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    for file in updates[-1].files:
        assert len(load_mesh(file).faces) > 100


def test_without_a_domain_only_the_source_is_made(ball_base: Path, tmp_path: Path):
    *_, last = mesh_job(MeshRequest(str(tmp_path), base=str(ball_base), trim=False, **SMALL))
    assert [Path(file).name for file in last.files] == ["source.glb", "source.ply"]


def test_a_closed_job_writes_nothing(ball_base: Path, tmp_path: Path):
    updates = mesh_job(MeshRequest(str(tmp_path), base=str(ball_base), **SMALL))
    next(updates)
    updates.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_a_sentence(ball_base: Path, tmp_path: Path):
    with pytest.raises(UserError, match="gone"):
        list(mesh_job(MeshRequest(str(tmp_path / "none"), base=str(ball_base))))


@pytest.mark.parametrize(
    "values", [{"resolution": 8}, {"faces": 3}, {"texture": 9999}, {"seed": -1}, {"edits": {"smile": 99.0}}]
)
def test_unusable_meshes_are_refused(values: dict, tmp_path: Path):
    with pytest.raises(UserError, match=next(iter(values))):
        MeshRequest(str(tmp_path), **values)


@pytest.mark.parametrize("values", [{"count": 1}, {"frames": 1}, {"yaw": 3.0}])
def test_unusable_walks_are_refused(values: dict, tmp_path: Path):
    with pytest.raises(UserError, match=next(iter(values))):
        WalkRequest(str(tmp_path), **values)


def test_a_walk_is_a_video_of_both_worlds(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(walk, "SIDE", 48)
    request = WalkRequest(str(tmp_path), count=2, frames=4, base=str(base))
    updates = list(render_file(request))
    assert updates[-1].file.endswith("walk.mp4")
    with av.open(updates[-1].file) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == 8
    assert frames[0].shape[1] > 2 * 48


def test_a_walk_begins_with_the_person_of_a_file(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from adapter.latents.person import Person

    generator = Eg3d.from_pretrained(base)
    ws = generator.sample_ws(torch.randn(1, generator.config.z_dim))
    residual = torch.randn(generator.planes(ws).values.shape[1:])
    Person(ws[0], str(base), fingerprint(generator), residual=residual).save(tmp_path / "me.safetensors")
    found = walk.walk_of(WalkRequest(str(tmp_path), person=str(tmp_path / "me.safetensors"), count=3, base=str(base)))
    assert len(found.ws) == len(found.target_ws) == 3
    torch.testing.assert_close(found.ws[0], ws[0])
    assert found.residual is not None
    assert torch.equal(found.residual, residual.half().float())
