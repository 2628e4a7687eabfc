"""Files of tensors and of settings, read with distrust and written in one step.

Tensors are kept as safetensors, settings as JSON. Nothing that is read here can run code; what does not fit
is refused with a sentence. Knows nothing else of the project.
"""

import contextlib
import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from adapter.errors import UserError
from adapter.utils.atomic import replacing

MAX_HEADER_BYTES = 4 << 20
MAX_JSON_BYTES = 1 << 20
DTYPES = frozenset({"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"})


Shapes = Mapping[str, tuple[int, ...]]


def read_tensors(
    path: str | os.PathLike, expected: Shapes | Callable[[dict[str, str]], Shapes] | None = None
) -> dict[str, Tensor]:
    """Read a safetensors file after checking it.

    Args:
        path: the file.
        expected: shape of every tensor by name, or a function that tells them from the file's text metadata; the file
            must hold exactly these. None accepts any.

    Returns:
        Tensors by name, in the file's dtypes, on the CPU. They own their memory: the file may change later.

    Raises:
        UserError: no such file, another format, truncated or damaged, names or shapes other than expected, or
            values that are not finite.
    """
    path = Path(path)
    with _opened(path) as file:
        shapes = {}
        for name in file.keys():  # noqa: SIM118, an open file is not a mapping
            view = file.get_slice(name)
            shapes[name] = tuple(view.get_shape())
            if view.get_dtype() not in DTYPES:
                raise UserError(f"{path.name}: {name} has the unsupported number type {view.get_dtype()}.")
        if expected is not None:
            named = expected(dict(file.metadata() or {})) if callable(expected) else expected
            check_shapes(path.name, shapes, named)
        tensors = {}
        for name in shapes:
            tensors[name] = file.get_tensor(name).clone()
            check_finite(path.name, name, tensors[name])
    return tensors


def read_metadata(path: str | os.PathLike) -> dict[str, str]:
    """Read the text metadata of a safetensors file without reading its tensors.

    Returns:
        The metadata, empty where the file has none.

    Raises:
        UserError: as `read_tensors`, for everything that the header can tell.
    """
    with _opened(Path(path)) as file:
        return dict(file.metadata() or {})


def write_tensors(
    path: str | os.PathLike, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a safetensors file that appears complete or not at all.

    Args:
        path: the file, replaced where it exists; its folder is created.
        tensors: tensors by name, any device. Tensors that share memory are written as separate ones.
        metadata: text by name.
    """
    separate, seen = {}, set()
    for name, tensor in tensors.items():
        plain = tensor.detach().to("cpu").contiguous()
        shared = plain.untyped_storage().data_ptr() in seen
        separate[name] = plain.clone() if shared else plain
        seen.add(plain.untyped_storage().data_ptr())
    with replacing(path) as temporary:
        try:
            save_file(separate, temporary, metadata=dict(metadata or {}))
        except SafetensorError as error:
            raise OSError(f"{Path(path).name} cannot be written: {error}") from error


def read_json(path: str | os.PathLike) -> dict:
    """Read a JSON file that holds one object of plain, finite values.

    Raises:
        UserError: no such file, larger than 1 MiB, or not such JSON.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {_reason(error)}.") from error
    if len(raw) > MAX_JSON_BYTES:
        raise UserError(f"{path.name} is too large for a settings file. Check that it is the right file.")
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path.name} is not valid JSON. It may be truncated; get a fresh copy.") from error
    if not isinstance(value, dict):
        raise UserError(f"{path.name} must hold a JSON object with settings by name.")
    return value


def write_json(path: str | os.PathLike, value: Mapping) -> None:
    """Write a JSON object, indented, that appears complete or not at all.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(dict(value), indent=2, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_shapes(source: str, found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Compare names and shapes of tensors.

    Args:
        source: how to call the file in the message.
        found, expected: shapes by tensor name.

    Raises:
        UserError: names the first missing, unknown or differently shaped tensors.
    """
    missing = [name for name in expected if name not in found]
    if missing:
        raise UserError(f"{source} lacks {_listed(missing)}. It is incomplete, or made for another model.")
    unknown = [name for name in found if name not in expected]
    if unknown:
        raise UserError(f"{source} holds {_listed(unknown)}, which this model lacks. Use a file made for it.")
    for name, shape in expected.items():
        if tuple(found[name]) != tuple(shape):
            raise UserError(
                f"{source}: {name} has shape {list(found[name])} where this model needs {list(shape)}. "
                "Use a file made for this model."
            )


def check_finite(source: str, name: str, tensor: Tensor) -> None:
    """Raise UserError where a tensor holds NaN or infinity."""
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        raise UserError(f"{source}: {name} holds values that are not finite. Get a fresh copy of the file.")


def describe_disguise(start: bytes) -> str | None:
    """Name the file format that the first bytes (up to 512) betray, or None where they tell nothing.

    Returns:
        A noun phrase such as "a zip archive".
    """
    if start[257:262] == b"ustar":
        return "a tar archive"
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            return kind
    if start.lstrip()[:14].lower().startswith((b"<!doctype", b"<html")):
        return "a web page, probably an error page in place of the download"
    if len(start) >= 2 and start[0] == 0x80 and 2 <= start[1] <= 5:
        return "a pickle"
    return None


_MAGIC = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
    b"version https://git-lfs": "a Git LFS pointer, not the file it stands for",
}


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[safe_open]:
    """Open a safetensors file whose size, first bytes and header length have been looked at before."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path.name} is not a file. Name the file itself.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {_reason(error)}.") from error
    if size < 10:
        raise UserError(f"{path.name} is {'empty' if size == 0 else 'too short'}. Get a fresh copy.")
    header_bytes = struct.unpack("<Q", start[:8])[0]
    if header_bytes > size - 8 or header_bytes > MAX_HEADER_BYTES or start[8:9] != b"{":
        kind = describe_disguise(start)
        if kind is not None:
            raise UserError(f"{path.name} is {kind}. A safetensors file is needed.")
        raise UserError(f"{path.name} is not a safetensors file, or it is truncated. Get a fresh copy.")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            yield file
    except (SafetensorError, UnicodeDecodeError) as error:
        raise UserError(f"{path.name} is damaged or truncated. Get a fresh copy.") from error


def _listed(names: list[str], limit: int = 3) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more tensors"


def _reason(error: OSError) -> str:
    return (error.strerror or "it is not a readable file").lower()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a finite number")
