"""Inversions write a person's file, can be stopped at any time, and the person can be seen in every world."""

import itertools
import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from adapter.adaptation import Domain, DomainMetadata, fingerprint
from adapter.eg3d import Eg3d
from adapter.errors import UserError
from adapter.latents.person import Person
from adapter.service.cancellation import request_stop
from adapter.service.gpu import gpu_seconds
from adapter.service.jobs import invert_job, render_file, render_pair
from adapter.service.person_requests import InvertRequest, PersonRequest
from adapter.service.persons import accept_person, edits
from adapter.service.requests import DONE, INVERTING, LOADING, ORBIT, TUNING
from adapter.service.settings import Settings
from adapter.service.worker import person as worker


def request_of(base: Path, folder: Path, **values) -> InvertRequest:
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    portrait = random.integers(0, 255, (64, 64, 3), np.uint8)
    weight = np.full((64, 64), 255, np.uint8)
    return InvertRequest(portrait, weight, str(folder), 0.1, 0.0, base=str(base), **{"steps": 6, **values})


@pytest.fixture(scope="module")
def finished(base: Path, tmp_path_factory: pytest.TempPathFactory):
    """All updates of an inversion with tuning."""
    return list(invert_job(request_of(base, tmp_path_factory.mktemp("inverted"), tuning=4)))


def test_stages_steps_and_previews(finished) -> None:
    stages = [stage for stage, _ in itertools.groupby(update.stage for update in finished)]
    assert stages == [LOADING, INVERTING, TUNING, DONE]
    assert [update.step for update in finished[1:-1]] == list(range(11))
    assert {update.total for update in finished[1:-1]} == {10}
    fractions = [update.fraction for update in finished]
    assert fractions == sorted(fractions)
    assert finished[1].preview.shape[1] == 2 * finished[1].preview.shape[0]
    assert all(update.found is None for update in finished[:-1])


def test_the_files_are_written(finished, base: Path) -> None:
    found = finished[-1].found
    person = Person.load(found.person)
    person.check(Eg3d.from_pretrained(base))
    assert person.residual is not None
    assert person.yaw == pytest.approx(found.yaw)
    for picture in (found.portrait, found.render):
        assert Image.open(picture).size == (512, 512)
    assert found.steps == 10
    assert found.distance > 0


def test_a_stopped_inversion_keeps_the_best_so_far(base: Path, tmp_path: Path) -> None:
    request = request_of(base, tmp_path / "job", steps=200, tuning=50)
    updates = []
    for update in invert_job(request):
        updates.append(update)
        if update.step == 3:
            request_stop(request.folder)
    found = updates[-1].found
    assert 3 <= found.steps <= 5
    assert TUNING not in {update.stage for update in updates}
    assert "best that was found" in updates[-1].message
    assert Person.load(found.person).residual is None


def test_a_folder_that_is_gone_ends_the_job(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder"):
        next(invert_job(InvertRequest(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), str(tmp_path / "no"))))


@pytest.mark.parametrize(
    "values", [{"steps": 0}, {"steps": 10**6}, {"tuning": -1}, {"portrait": np.zeros((8, 9, 3), np.uint8)}]
)
def test_unusable_requests_are_a_sentence(tmp_path: Path, values) -> None:
    given = {"portrait": np.zeros((8, 8, 3), np.uint8), "weight": np.zeros((8, 8), np.uint8), "folder": str(tmp_path)}
    with pytest.raises(UserError):
        InvertRequest(**{**given, **values})


def test_the_person_is_seen_in_every_world_and_edited(finished, base: Path, tmp_path: Path, monkeypatch) -> None:
    generator = Eg3d.from_pretrained(base)
    random = torch.Generator().manual_seed(0)
    changed = {
        name: value + 0.5 * torch.randn(value.shape, generator=random)
        for name, value in generator.parts().named_parameters()
        if name.startswith("superresolution") and name.endswith("weight")
    }
    about = DomainMetadata(str(base), fingerprint(generator), "3d-adapter")
    Domain.between(generator.parts(), changed, about).save(tmp_path / "domain.safetensors")
    person, shared = finished[-1].found.person, {"base": str(base)}
    source, target = render_pair(PersonRequest(person, **shared))
    assert source.shape == (512, 512, 3)
    assert (source == target).all()
    again, target = render_pair(PersonRequest(person, mix=((str(tmp_path / "domain.safetensors"), 1.0),), **shared))
    assert (again == source).all()
    assert (target != source).any()
    with pytest.raises(UserError, match="no edits"):
        render_pair(PersonRequest(person, edits={"smile": 1.0}, **shared))
    vector = [0.5] * generator.config.w_dim
    entry = {"name": "smile", "low": "serious", "high": "smiling", "vector": vector}
    (tmp_path / "directions.json").write_text(json.dumps({"space": "w", "directions": [entry]}))
    real = worker.directions_in_w
    worker._directions.cache_clear()
    monkeypatch.setattr(worker, "directions_in_w", lambda generator, _: real(generator, tmp_path))
    edited, _ = render_pair(PersonRequest(person, edits={"smile": 1.0}, **shared))
    assert (edited != source).any()
    worker._directions.cache_clear()


def test_the_video_has_all_frames(finished, base: Path, tmp_path: Path) -> None:
    *_, last = render_file(PersonRequest(finished[-1].found.person, kind=ORBIT, folder=str(tmp_path), base=str(base)))
    with av.open(last.file) as video:
        assert sum(1 for _ in video.decode(video=0)) == 72


def test_a_strangers_person_is_checked_and_kept(finished, base: Path, tmp_path: Path) -> None:
    settings = Settings(base=str(base))
    kept = accept_person(finished[-1].found.person, tmp_path / "visitor", settings)
    assert kept.parent == tmp_path / "visitor"
    assert Person.load(kept).base == str(base)
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"PK\x03\x04" + bytes(64))
    for bad in (other, tmp_path / "missing.safetensors"):
        with pytest.raises(UserError):
            accept_person(bad, tmp_path / "visitor", settings)
    with pytest.raises(UserError, match="other weights"):
        accept_person(finished[-1].found.person, tmp_path / "visitor", Settings())
    assert len(list((tmp_path / "visitor").iterdir())) == 1


def test_named_sliders_come_first() -> None:
    names = [edit.name for edit in edits("heads")]
    assert names[:4] == ["smile", "mouth_open", "eye_size", "age"]
    assert {"glasses", "hair_tone", "sex"} <= set(names[:9])
    assert edits("nowhere") == ()


def test_longer_inversions_borrow_a_gpu_for_longer(base: Path, tmp_path: Path) -> None:
    short, long = (request_of(base, tmp_path / "job", steps=steps) for steps in (10, 500))
    assert gpu_seconds(short) < gpu_seconds(long)
    assert gpu_seconds(PersonRequest("person", base=str(base))) < gpu_seconds(short)
