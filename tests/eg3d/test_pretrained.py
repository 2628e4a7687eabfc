import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapter.eg3d import Eg3d
from adapter.errors import UserError


@pytest.fixture
def folder(tiny, tmp_path):
    tiny.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def test_saving_and_loading_keeps_every_bit(tiny, folder):
    loaded = Eg3d.from_pretrained(folder)
    assert loaded.config == tiny.config
    for name, value in tiny.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_half_precision_files_load_as_single_precision(tiny, tmp_path):
    tiny.save_pretrained(tmp_path, half=True)
    stored = load_file(tmp_path / "model.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float16}
    loaded = Eg3d.from_pretrained(tmp_path).state_dict()
    for name, value in tiny.state_dict().items():
        assert loaded[name].dtype == torch.float32
        assert torch.equal(loaded[name], value.half().float()), name


def test_unknown_names_and_unreachable_ids_are_explained(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("no-such-base", "someone/no-such-model"):
        with pytest.raises(UserError, match="No generator called"):
            Eg3d.from_pretrained(name, local_files_only=True)


def rewrite(folder, change):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.update({"decoder.net.0.weight": torch.zeros(3, 3)}), "has shape"),
        (lambda tensors: tensors.pop("decoder.net.0.bias"), "lacks decoder.net.0.bias"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), "extra"),
        (lambda tensors: tensors["decoder.net.0.bias"].fill_(float("nan")), "not finite"),
    ],
)
def test_files_that_do_not_fit_are_refused(folder, change, words):
    rewrite(folder, change)
    with pytest.raises(UserError, match=words):
        Eg3d.from_pretrained(folder)


def test_truncated_files_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError):
        Eg3d.from_pretrained(folder)


def test_configurations_with_unknown_keys_are_refused(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"unknown": 1}))
    with pytest.raises(UserError, match="configuration cannot be used"):
        Eg3d.from_pretrained(folder)
