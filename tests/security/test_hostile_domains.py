"""Domain files from strangers: what does not fit or is not one is refused with a sentence, and nothing is kept."""

import io
import json
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from adapter.adaptation.domain import Domain, DomainMetadata, fingerprint
from adapter.errors import UserError
from adapter.hub.bases import load_base
from adapter.service.library import accept
from adapter.service.settings import Settings

NAME = "decoder.net.0.weight"


@pytest.fixture(scope="module")
def base():
    return load_base("heads")


@pytest.fixture(scope="module")
def parts(base) -> dict[str, torch.Tensor]:
    """Small differences to every parameter that the usual methods train."""
    torch.manual_seed(0)
    return {name: 0.01 * torch.randn_like(value).half() for name, value in base.parts().named_parameters()}


@pytest.fixture(scope="module")
def print_of_base(base) -> str:
    return fingerprint(base)


@pytest.fixture
def made(print_of_base: str, tmp_path: Path) -> Callable[..., bytes]:
    """A domain file of these weights, with changes to its description."""

    def make(weights: dict[str, torch.Tensor], **changes) -> bytes:
        metadata = DomainMetadata("heads", print_of_base, "3d-adapter", license="CC0-1.0")
        path = tmp_path / "made.safetensors"
        Domain(weights, metadata).save(path)
        data = path.read_bytes()
        if not changes:
            return data
        header, body = opened(data)
        values = json.loads(header["__metadata__"]["domain"])
        values.update({key: value for key, value in changes.items() if key in values or key == "more"})
        header["__metadata__"]["domain"] = json.dumps(values)
        header["__metadata__"].update({key: value for key, value in changes.items() if key in ("format", "shapes")})
        if "raw" in changes:
            header["__metadata__"]["domain"] = changes["raw"]
        return closed(header, body)

    return make


def opened(data: bytes) -> tuple[dict, bytes]:
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def closed(header: dict, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def refused(data: bytes, folder: Path, *said: str) -> str:
    given = folder / "given.safetensors"
    given.write_bytes(data)
    with pytest.raises(UserError) as caught:
        accept(given, folder / "visitor", Settings(base="heads"))
    text = str(caught.value)
    assert re.fullmatch(r"\S[^\n]{20,300}\.", text), text
    assert str(folder) not in text
    assert not list((folder / "visitor").glob("*")), "something was kept"
    for part in said:
        assert part in text
    return text


def test_a_good_file_is_taken_in(made, parts, tmp_path: Path):
    given = tmp_path / "Böse <b> Bronze.safetensors"
    given.write_bytes(made(parts))
    entry = accept(given, tmp_path / "visitor", Settings(base="heads"))
    assert entry.path.parent == tmp_path / "visitor"
    assert entry.path.read_bytes() == given.read_bytes()
    assert entry.base == "heads"


def test_wrong_base(made, parts, tmp_path: Path):
    refused(made(parts, base_fingerprint="0" * 64, base="ffhq512"), tmp_path, "ffhq512")


def test_wrong_shapes_extra_and_foreign_tensors(made, parts, tmp_path: Path):
    refused(made({**parts, NAME: parts[NAME][:-1]}), tmp_path, NAME)
    refused(made({**parts, NAME: parts[NAME][None]}), tmp_path, NAME)
    refused(made({**parts, "backdoor.weight": torch.zeros(3).half()}), tmp_path, "backdoor.weight")
    refused(made({**parts, "__class__": torch.zeros(3).half()}), tmp_path)
    refused(made({**parts, "background": torch.zeros(3, 2, 2).half()}), tmp_path, "background")
    refused(made({**parts, "background": torch.zeros(1).half()}), tmp_path, "background")


def test_values_that_are_not_finite(made, parts, tmp_path: Path):
    for value in (float("nan"), float("inf"), float("-inf")):
        broken = parts[NAME].clone()
        broken.view(-1)[-1] = value
        refused(made({**parts, NAME: broken}), tmp_path, NAME, "finite")


def test_other_number_types(made, parts, tmp_path: Path):
    for kind in (torch.float32, torch.float64, torch.int64, torch.bfloat16):
        refused(made({**parts, NAME: parts[NAME].to(kind)}), tmp_path, NAME)


def test_descriptions_that_lie_about_the_tensors(made, parts, tmp_path: Path):
    data = made(parts)
    header, body = opened(data)
    shapes = json.loads(header["__metadata__"]["shapes"])
    for wrong in ({**shapes, "more": [3]}, {NAME: shapes[NAME]}, {}, [], {NAME: "all"}, {NAME: [-1]}, "words"):
        refused(made(parts, shapes=json.dumps(wrong)), tmp_path)
    refused(made(parts, shapes="[" * 100_000), tmp_path)
    start, end = header[NAME]["data_offsets"]
    for offsets in ([start, end + 2], [start, 2**62], [-2, end], [end, start], [0, 0]):
        refused(closed({**header, NAME: {**header[NAME], "data_offsets": offsets}}, body), tmp_path)
    refused(closed({**header, NAME: {**header[NAME], "shape": [2**40, 2**40]}}, body), tmp_path)
    refused(closed({**header, NAME: {**header[NAME], "dtype": "OBJECT"}}, body), tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"raw": "{"},
        {"raw": "[]"},
        {"raw": "[" * 100_000},
        {"raw": "null"},
        {"format": "something-else"},
        {"format_version": 99},
        {"format_version": "soon"},
        {"seed": "seven"},
        {"settings": []},
        {"licence": None},
        {"base": 5},
        {"prompt": ["a", "list"]},
        {"more": "entries"},
    ],
    ids=str,
)
def test_damaged_descriptions(made, parts, tmp_path: Path, changes: dict):
    refused(made(parts, **changes), tmp_path)


def test_huge_headers(made, parts, tmp_path: Path):
    data = made(parts)
    for size in (2**63 - 1, 2**40, len(data)):
        refused(struct.pack("<Q", size) + data[8:], tmp_path)
    header, body = opened(data)
    padding = {"__metadata__": {**header["__metadata__"], "padding": "x" * (6 << 20)}}
    refused(closed({**header, **padding}, body), tmp_path)


def test_truncated_and_longer_files(made, parts, tmp_path: Path):
    data = made(parts)
    for length in (0, 1, 7, 8, 9, 200, len(data) // 2, len(data) - 1):
        refused(data[:length], tmp_path)
    refused(data + b"more", tmp_path)


def test_other_formats_in_disguise(parts, tmp_path: Path):
    marker = tmp_path / "was-run"

    class Runs:
        def __reduce__(self):
            return Path.touch, (marker,)

    torch_file, archive = io.BytesIO(), io.BytesIO()
    torch.save({NAME: parts[NAME]}, torch_file)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("domain.safetensors", b"{}")
    for protocol in range(6):
        refused(pickle.dumps(Runs(), protocol=protocol) + bytes(100), tmp_path)
    refused(torch_file.getvalue(), tmp_path, "zip")
    refused(archive.getvalue(), tmp_path, "zip")
    refused(b"<!doctype html><html>not found</html>", tmp_path, "web page")
    refused(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", tmp_path, "LFS")
    refused(save({"weight": torch.zeros(3)}), tmp_path, "not a domain file")
    assert not marker.exists()


def test_files_that_are_too_large_or_no_files(made, parts, tmp_path: Path):
    given = tmp_path / "large.safetensors"
    with given.open("wb") as file:
        file.write(made(parts))
        file.truncate(65 << 20)
    with pytest.raises(UserError, match="too large"):
        accept(given, tmp_path / "visitor", Settings(base="heads"))
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError):
            accept(path, tmp_path / "visitor", Settings(base="heads"))
    assert not (tmp_path / "visitor").exists()
