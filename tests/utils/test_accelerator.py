"""A GPU is noticed without PyTorch, and PyTorch is believed where it is loaded."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from adapter.utils import accelerator
from adapter.utils.accelerator import has_gpu


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(accelerator.importlib.metadata, "version", lambda name: "2.9.0")
    (tmp_path / "0000:01:00.0").mkdir()
    return tmp_path


def test_the_driver_tells_before_pytorch_is_loaded(gpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert has_gpu({}, gpus)
    assert has_gpu({"CUDA_VISIBLE_DEVICES": "1"}, gpus)
    assert not has_gpu({"CUDA_VISIBLE_DEVICES": ""}, gpus)
    assert not has_gpu({"CUDA_VISIBLE_DEVICES": "-1"}, gpus)
    assert not has_gpu({}, tmp_path / "nothing")
    monkeypatch.setattr(accelerator.importlib.metadata, "version", lambda name: "2.9.0+cpu")
    assert not has_gpu({}, gpus)


@pytest.mark.parametrize("available", [True, False])
def test_pytorch_is_believed(gpus: Path, monkeypatch: pytest.MonkeyPatch, available: bool):
    cuda = SimpleNamespace(is_available=lambda: available)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert has_gpu({}, gpus) == available
    assert has_gpu({"SPACES_ZERO_GPU": "true"}, gpus)
