"""The job that edits a person by words, and who it is offered to."""

from pathlib import Path

import pytest
import torch

from adapter.adaptation import fingerprint
from adapter.eg3d import Eg3d
from adapter.errors import UserError
from adapter.latents.person import Person
from adapter.service import prompts
from adapter.service.cancellation import request_stop
from adapter.service.jobs import text_edit_job
from adapter.service.person_requests import TextEditRequest
from adapter.service.prompts import check_person_words, reads_everything
from adapter.service.requests import DONE, EDITING


@pytest.fixture
def request_(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TextEditRequest:
    monkeypatch.setattr(prompts, "reads_everything", lambda encoder: True)
    generator = Eg3d.from_pretrained(base)
    ws = generator.sample_ws(torch.randn(1, generator.config.z_dim, generator=torch.Generator().manual_seed(1)))
    Person(ws[0], str(base), fingerprint(generator), yaw=0.2).save(tmp_path / "before.safetensors")
    (tmp_path / "job").mkdir()
    before = str(tmp_path / "before.safetensors")
    return TextEditRequest(before, "a bronze statue", str(tmp_path / "job"), 5, base=str(base))


def test_an_edit_writes_another_person(request_: TextEditRequest, base: Path) -> None:
    updates = list(text_edit_job(request_))
    assert {update.stage for update in updates[1:-1]} == {EDITING}
    assert updates[-1].stage == DONE
    person, before = Person.load(updates[-1].found.person), Person.load(request_.person)
    person.check(Eg3d.from_pretrained(base))
    assert person.yaw == before.yaw
    assert not torch.equal(person.ws, before.ws)
    assert Path(updates[-1].found.render).is_file()
    assert updates[-1].found.words == request_.prompt


def test_a_stopped_edit_keeps_the_best(request_: TextEditRequest) -> None:
    updates = []
    for update in text_edit_job(request_):
        updates.append(update)
        if update.step == 2:
            request_stop(request_.folder)
    assert updates[-1].found.steps in (2, 3)
    assert "Stopped" in updates[-1].message


def test_it_is_offered_where_the_encoder_reads_everything() -> None:
    assert reads_everything("ViT-B-32")
    assert not reads_everything("clip-heads")
    check_person_words("a person with curly hair", "ViT-B-32")
    with pytest.raises(UserError, match="reads styles"):
        check_person_words("a person with curly hair", "clip-heads")
    with pytest.raises(UserError, match="Write what"):
        check_person_words("  ", "ViT-B-32")
