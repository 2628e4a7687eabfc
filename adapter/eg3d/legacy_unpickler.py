"""A restricted unpickler for official EG3D files: names become inert stand-ins, and so do tensors.

It trusts that `adapter.eg3d.pickle_scan.scan` has let the file pass.
"""

import io
import math
import pickle
import struct
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO, TypeGuard

import torch
from torch import Tensor

from adapter.eg3d.pickle_scan import MAX_NAME, Allowance, Refused, scan

MAX_STORAGES, MAX_DIMENSIONS = 5_000, 8
MAX_HEADER_BYTES = 4096
MAGIC_NUMBER, FORMAT_VERSION = 0x1950A86A20F9469CFC6C, 1001
"""How a storage in torch's format from before its zip files begins."""
_STATELESS = "gives a state to something that has none"
_CLASS_PREFIXES = ("training.", "torch.nn.modules.", "torch_utils.")
_DICTIONARIES = ("collections.OrderedDict", "dnnlib.util.EasyDict", "dnnlib.EasyDict")
_NUMPY_LAYOUTS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u1": "B", "b1": "?"}
_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class Record:
    """Stands for an object of some class: its fields by name, no behaviour."""

    __slots__ = ("class_name", "fields")
    class_name: str
    fields: Any

    def __new__(cls) -> "Record":
        record = super().__new__(cls)
        record.class_name, record.fields = "", {}
        return record

    def __setstate__(self, state: object) -> None:
        self.fields = state


class Numbers:
    """Holds a tensor, whose own methods (``add``, ``__setitem__``, ``__setstate__``) a file could otherwise call."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __setstate__(self, state: object) -> None:
        raise Refused(_STATELESS)


class _Dictionary(dict):
    """Stands for a subclass of dict."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        # Without this method, an unpickler would set the attributes of the class itself.
        raise Refused(_STATELESS)


class _Function:
    """A function that a file may call; it cannot be given a state."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise Refused(_STATELESS)


class Unpickler(pickle.Unpickler):
    """Knows the functions of `_FUNCTIONS`, stand-ins for classes of EG3D and torch, and nothing else."""

    def __init__(self, file: BinaryIO, allowance: Allowance) -> None:
        super().__init__(file)
        self._storages, self._allowance = 0, allowance

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if len(full) > MAX_NAME:
            raise Refused("is damaged: it names something that is not a name")
        if full == "torch.storage._load_from_bytes":
            return _Function(self._storage)
        if full in _FUNCTIONS:
            return _Function(_FUNCTIONS[full])
        if full in _DICTIONARIES:
            return _Dictionary
        if full.startswith(_CLASS_PREFIXES) and name.isidentifier() and all(map(str.isidentifier, module.split("."))):
            return Record
        raise Refused(f"asks for {printable(full)}, which no official file needs")

    def persistent_load(self, identity: object) -> Any:
        raise Refused("refers to objects outside the file")

    def load(self) -> Any:
        try:
            return super().load()
        except Refused:
            raise
        except Exception as error:  # whatever does not fit together: the file can raise nearly anything
            raise Refused("is damaged: its instructions do not fit together") from error

    def _storage(self, blob: object) -> Numbers:
        self._storages += 1
        if self._storages > MAX_STORAGES:
            raise Refused("asks for far more work than an official file")
        return Numbers(_read_storage(blob, self._allowance))


class _HeaderUnpickler(Unpickler):
    """Reads what stands before the numbers of a storage."""

    def find_class(self, module: str, name: str) -> Any:
        if module not in ("torch", "torch.cuda") or name not in _DTYPES:
            raise Refused(f"asks for {printable(f'{module}.{name}')}, which no official file needs")
        return _DTYPES[name]

    def persistent_load(self, identity: object) -> Any:
        match identity:
            case ("storage", torch.dtype() as dtype, str(key), _, int(count), *rest) if (
                rest in ([], [None]) and count >= 0
            ):
                return dtype, key, count
        raise Refused("holds a storage in an unknown format")


def _read_storage(blob: object, allowance: Allowance) -> Tensor:
    """The numbers [count] of a storage in torch's format from before its zip files; they stay in the blob's memory."""
    if type(blob) is not bytes:
        raise Refused("holds a storage without data")
    header = io.BytesIO(blob[:MAX_HEADER_BYTES])
    parts = []
    for _ in range(5):
        start = header.tell()
        scan(header, len(header.getbuffer()), allowance)
        end = header.tell()
        header.seek(start)
        parts.append(_HeaderUnpickler(io.BytesIO(header.read(end - start)), allowance).load())
    magic, version, machine, declared, keys = parts
    if magic != MAGIC_NUMBER or version != FORMAT_VERSION or type(machine) is not dict or type(declared) is not tuple:
        raise Refused("holds a storage in an unknown format")
    if machine.get("little_endian") is not True:
        raise Refused("was written on a big-endian machine, which is not supported")
    dtype, key, count = declared
    if keys != [key]:
        raise Refused("holds a storage in an unknown format")
    stored = int.from_bytes(header.read(8), "little", signed=True)
    if stored != count or len(blob) - header.tell() != count * dtype.itemsize:
        raise Refused("declares a storage of another size than it holds")
    if not count:
        return torch.empty(0, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # nobody writes into these tensors
        return torch.frombuffer(blob, dtype=dtype, count=count, offset=header.tell())


def _rebuild_tensor(stored: object, offset: object, shape: object, stride: object, *_: object) -> Numbers:
    """A view of a storage, checked against its size."""
    if not isinstance(stored, Numbers) or stored.tensor.dim() != 1 or not isinstance(offset, int) or offset < 0:
        raise Refused("declares a tensor that is not one")
    storage = stored.tensor
    if not _sizes(shape) or not _sizes(stride):
        raise Refused("declares a tensor that is not one")
    if len(shape) != len(stride) or math.prod(shape) > len(storage):
        raise Refused("declares a tensor larger than its data")
    last = sum((size - 1) * step for size, step in zip(shape, stride, strict=True)) if math.prod(shape) else -1
    if offset + last + 1 > len(storage):
        raise Refused("declares a tensor that reaches outside its data")
    empty = last < 0
    return Numbers(torch.empty(shape, dtype=storage.dtype) if empty else storage.as_strided(shape, stride, offset))


def _rebuild_parameter(tensor: object, *_: object) -> Numbers:
    if not isinstance(tensor, Numbers):
        raise Refused("declares a parameter that is not one")
    return tensor


def _persistent(meta: object) -> Record:
    """An object whose source text the file carries: class name and attributes are kept, the text is not."""
    if type(meta) is not dict or meta.get("type") != "class" or not isinstance(meta.get("class_name"), str):
        raise Refused("holds a network in an unknown format")
    record = Record()
    record.class_name, record.fields = meta["class_name"], meta.get("state")
    return record


class _NumpyType:
    """A number type, such as "f8"; the file gives it a byte order afterwards."""

    __slots__ = ("layout", "order")

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str) or code not in _NUMPY_LAYOUTS:
            raise Refused("holds numbers of a kind that no official file has")
        self.layout, self.order = "<" + _NUMPY_LAYOUTS[code], ""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", "|"):
            raise Refused("holds numbers of a kind that no official file has")
        self.order = state[1]


def _numpy_scalar(kind: object, raw: object) -> int | float | bool:
    if not isinstance(kind, _NumpyType) or type(raw) is not bytes or not kind.order:
        raise Refused("holds a number in an unknown format")
    return struct.unpack(kind.layout, raw)[0]


def _items_of_set(items: object) -> list:
    if not isinstance(items, list):
        raise Refused("is damaged: it fills a set with something else")
    return items


_FUNCTIONS: dict[str, Callable[..., object]] = {
    "torch_utils.persistence._reconstruct_persistent_obj": _persistent,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "numpy.dtype": _NumpyType,
    "numpy.core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray.scalar": _numpy_scalar,
    "builtins.set": _items_of_set,
    "__builtin__.set": _items_of_set,
}


def _sizes(numbers: object) -> TypeGuard[tuple[int, ...]]:
    if not isinstance(numbers, tuple) or len(numbers) > MAX_DIMENSIONS:
        return False
    return all(type(number) is int and 0 <= number < 1 << 62 for number in numbers)


def printable(name: str, limit: int = 60) -> str:
    """Shorten a name from the file, and mask what cannot be shown, before it goes into a message."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name[:limit])
    return shown if len(name) <= limit else shown + "..."
