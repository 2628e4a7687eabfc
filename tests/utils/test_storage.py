"""Tensor and settings files are read only when they are whole and fit, and appear complete or not at all."""

import json
import pickle
import struct
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from adapter.errors import UserError
from adapter.utils.atomic import replacing
from adapter.utils.storage import read_json, read_metadata, read_tensors, write_json, write_tensors

TENSORS = {
    "a": torch.arange(12.0).view(3, 4),
    "b": torch.tensor(2.5).half(),
    "c": torch.arange(3),
    "d": torch.zeros(0, 2),
}
SHAPES = {name: tuple(value.shape) for name, value in TENSORS.items()}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "folder" / "weights.safetensors"
    write_tensors(path, TENSORS, {"made": "here"})
    return path


def test_tensors_and_metadata_come_back(path):
    found = read_tensors(path, SHAPES)
    assert found.keys() == TENSORS.keys()
    for name, value in found.items():
        assert value.dtype == TENSORS[name].dtype
        assert torch.equal(value, TENSORS[name])
    assert read_metadata(path) == {"made": "here"}
    assert [file.name for file in path.parent.iterdir()] == ["weights.safetensors"]


def test_tensors_outlive_their_file(path):
    found = read_tensors(path)
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(found["a"], TENSORS["a"])


def test_shared_and_transposed_memory_is_written_apart(tmp_path):
    shared = torch.arange(6.0).view(2, 3)
    write_tensors(tmp_path / "a", {"whole": shared, "same": shared, "row": shared[1], "turned": shared.t()})
    found = read_tensors(tmp_path / "a")
    assert torch.equal(found["same"], shared)
    assert torch.equal(found["row"], shared[1])
    assert torch.equal(found["turned"], shared.t())


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (SHAPES | {"more": (1,)}, "lacks more"),
        (SHAPES | dict.fromkeys("vwxyz", (1,)), "lacks v, w, x and 2 more"),
        ({"a": (3, 4), "b": (), "c": (3,)}, "holds d, which"),
        (SHAPES | {"a": (4, 3)}, r"a has shape \[3, 4\] where this model needs \[4, 3\]"),
        (SHAPES | {"b": (1,)}, r"b has shape \[\] where"),
    ],
)
def test_names_and_shapes_must_fit(path, expected, message):
    with pytest.raises(UserError, match=message):
        read_tensors(path, expected)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_values_must_be_finite(tmp_path, value, dtype):
    write_tensors(tmp_path / "a", {"good": torch.ones(2), "bad": torch.tensor([0.0, value], dtype=dtype)})
    with pytest.raises(UserError, match="bad holds values that are not finite"):
        read_tensors(tmp_path / "a")


def test_odd_number_types_are_refused(tmp_path):
    save_file({"a": torch.zeros(4).to(torch.float8_e4m3fn)}, tmp_path / "a")
    with pytest.raises(UserError, match="F8_E4M3"):
        read_tensors(tmp_path / "a")


def test_file_cut_anywhere_is_refused(path):
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError):
            read_tensors(path)


@pytest.mark.parametrize("read", [read_tensors, read_metadata])
@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b"{}", "too short"),
        (pickle.dumps({"a": 1}, 4), "is a pickle"),
        (pickle.dumps(list(range(9)), 2), "is a pickle"),
        (b"PK\x03\x04" + bytes(99), "is a zip archive"),
        (bytes(257) + b"ustar" + bytes(99), "is a tar archive"),
        (b"<!doctype html><p>not found", "is a web page"),
        (b"version https://git-lfs and so on", "Git LFS pointer"),
        (struct.pack("<Q", 1 << 62) + b"{}" + bytes(99), "not a safetensors file"),
        (struct.pack("<Q", 5 << 20) + b"{}" + b" " * (6 << 20), "not a safetensors file"),
        (struct.pack("<Q", 8) + b"{" * 8 + bytes(99), "damaged or truncated"),
        (struct.pack("<Q", 2) + b"{}" + bytes(99), "damaged or truncated"),
        (struct.pack("<Q", 8) + b'{"a": 1}' + bytes(99), "damaged or truncated"),
    ],
)
def test_other_files_are_called_by_their_name(tmp_path, read, raw, message):
    (tmp_path / "a.safetensors").write_bytes(raw)
    with pytest.raises(UserError, match=f"a.safetensors .*{message}"):
        read(tmp_path / "a.safetensors")


def _header(**entries) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "entries",
    [
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 1 << 50]}},
        {"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [1 << 32, 1 << 32], "data_offsets": [0, 8]}},
        {
            "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        },
        {"a": {"dtype": "PY", "shape": [2], "data_offsets": [0, 8]}},
    ],
)
def test_header_must_agree_with_the_data(tmp_path, entries):
    (tmp_path / "a").write_bytes(_header(**entries) + bytes(8))
    with pytest.raises(UserError, match="damaged or truncated"):
        read_tensors(tmp_path / "a")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UserError, match="nowhere cannot be read"):
        read_tensors(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a file"):
        read_tensors(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        read_json(tmp_path / "nowhere")


def test_failed_write_leaves_the_old_file(path):
    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half of it")
            raise RuntimeError("disk is full")

    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="full"):
        write_half()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["weights.safetensors"]


def test_written_files_are_as_readable_as_any(path):
    ordinary = path.with_name("ordinary")
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode


def test_json_comes_back(tmp_path):
    value = {"number": 1.5, "list": [1, None, True], "text": "é"}
    write_json(tmp_path / "new" / "a.json", value)
    assert read_json(tmp_path / "new" / "a.json") == value
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"number": float("nan")})
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not valid JSON"),
        (b'{"a": 1', "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": -Infinity}', "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b'{"a": ' + b"[" * 100_000, "not valid JSON"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "not valid JSON"),
        (b"[1, 2]", "must hold a JSON object"),
        (b" " * (1 << 20) + b"{}", "too large"),
    ],
)
def test_bad_json_is_refused(tmp_path, raw, message):
    (tmp_path / "a.json").write_bytes(raw)
    with pytest.raises(UserError, match=message):
        read_json(tmp_path / "a.json")


def test_zip_of_real_tensors_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.safetensors", "w") as archive:
        archive.writestr("a", bytes(100))
    with pytest.raises(UserError, match="zip"):
        read_tensors(tmp_path / "a.safetensors")
