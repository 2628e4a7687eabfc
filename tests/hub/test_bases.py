"""The app chooses its base by what is there, and falls back to the embedded one with a reason."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from adapter.eg3d import Eg3d
from adapter.errors import UserError
from adapter.hub import bases, library
from adapter.hub.bases import Choice, choose_base, load_base, prepare
from adapter.utils.accelerator import has_gpu

ROOT = Path(__file__).parents[2]


def test_the_variable_decides():
    assert choose_base({"BASE": "heads"}).base == "heads"
    cats = choose_base({"BASE": " afhqcats512 "})
    assert (cats.base, cats.encoder) == ("afhqcats512", "ViT-B-32")
    assert choose_base({"BASE": "alice/own"}).encoder == "clip-heads"
    assert choose_base({"BASE": "alice/own", "ENCODER": "ViT-B-16"}).encoder == "ViT-B-16"


def test_without_a_gpu_it_is_the_embedded_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bases, "has_gpu", lambda environment: False)
    monkeypatch.setattr(bases, "reachable", lambda remote: pytest.fail("the Hub was asked for nothing"))
    choice = choose_base({})
    assert (choice.base, choice.encoder) == ("faces", "clip-heads")
    assert "no GPU" in choice.reason


def test_with_a_gpu_it_depends_on_the_hub(hub, remote, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bases, "has_gpu", lambda environment: True)
    choice = choose_base({}, remote)
    assert (choice.base, choice.encoder) == ("ffhq512", "ViT-B-32")
    away = bases.Remote("http://127.0.0.1:9", remote.cache)
    choice = choose_base({}, away)
    assert (choice.base, choice.encoder) == ("faces", "clip-heads")
    assert "cannot be reached" in choice.reason


def test_choosing_does_not_load_torch_where_there_is_no_gpu():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    code = "import sys; from adapter.hub.bases import choose_base; choose_base({}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert not has_gpu({})


@pytest.mark.parametrize(("value", "gpu"), [("true", True), ("1", True), ("T", True), ("0", None), ("", None)])
def test_zerogpu_counts_as_a_gpu(value: str, gpu: bool | None):
    assert has_gpu({"SPACES_ZERO_GPU": value}) is (torch.cuda.is_available() if gpu is None else gpu)


@pytest.fixture
def listed(hub, tmp_path: Path, write_official, generator, monkeypatch: pytest.MonkeyPatch):
    """A library in which ``cars`` is a small official file on the loopback Hub."""
    content = write_official(tmp_path / "cars.pkl", generator).read_bytes()
    hub.add("alice/bases", {"cars.pkl": content})
    path = tmp_path / "library.yaml"
    path.write_text(
        "bases:\n"
        "  - {name: cars, title: Cars, licence: x, encoder: ViT-B-32, repo: alice/bases, file: cars.pkl, "
        f"sha256: {hashlib.sha256(content).hexdigest()}}}\n"
    )
    monkeypatch.setattr(bases, "catalog", lambda: library.load_library(path))
    return content


def test_a_base_of_the_library_is_fetched_and_loaded(hub, remote, listed, generator):
    told = []
    loaded = load_base("cars", lambda share, text: told.append(text), remote)
    assert torch.equal(loaded.decoder.net[0].weight, generator.decoder.net[0].weight)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert any("Cars" in text for text in told)


def test_prepare_fetches_or_falls_back(hub, remote, listed):
    choice = Choice("cars", "ViT-B-32", "asked for")
    hub.statuses.extend([503] * 40)
    fallen = prepare(choice, None, remote)
    assert (fallen.base, fallen.encoder) == ("faces", "clip-heads")
    assert "503" in fallen.reason
    assert "embedded" in fallen.reason
    hub.statuses.clear()
    assert prepare(choice, None, remote) == choice
    asked = len(hub.requests)
    assert prepare(choice, None, remote) == choice
    assert len(hub.requests) == asked


def test_embedded_bases_folders_and_repositories(hub, remote, generator, tmp_path: Path):
    assert load_base("heads").config.image_resolution == 128
    Eg3d(generator.config).save_pretrained(tmp_path / "own")
    assert load_base(str(tmp_path / "own")).config == generator.config
    hub.add("alice/own", {path.name: path.read_bytes() for path in (tmp_path / "own").iterdir()})
    assert load_base("alice/own", None, remote).config == generator.config


def test_names_of_nothing(hub, remote):
    with pytest.raises(UserError, match=r"no base called 'nothing-like-it'\. There are: faces"):
        load_base("nothing-like-it", None, remote)
    with pytest.raises(UserError, match="alice/nothing does not exist or is private"):
        load_base("alice/nothing", None, remote)
    fallen = prepare(Choice("alice/nothing", "clip-heads", "asked for"), None, remote)
    assert fallen.base == "faces"
    assert "alice/nothing" in fallen.reason
