"""Tensors of an official checkpoint as places in its file, read only when they are wanted.

Each storage is a nested blob in torch's format from before its zip files: four short pickles (a magic number, a
format version, facts about the machine, a persistent id), a pickled list of keys, a count and the raw numbers.
"""

import dataclasses
import io
import math
import os
from dataclasses import dataclass
from typing import BinaryIO

import torch
from torch import Tensor

from adapter.hub.instructions import Allowance, Name, Refused, Span
from adapter.hub.machine import Rules, evaluate

MAX_BLOB_HEADER_BYTES = 4096
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
FORMAT_VERSION = 1001
MAX_DIMENSIONS = 8

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
_STORAGE_NAMES = frozenset(f"{module}.{name}" for module in ("torch", "torch.cuda") for name in _DTYPES)


@dataclass(frozen=True)
class StoredStorage:
    """A row of ``count`` numbers at byte ``offset`` of the file."""

    dtype: torch.dtype
    count: int
    offset: int


@dataclass(frozen=True)
class StoredTensor:
    """A view of a storage: ``offset`` and ``stride`` count numbers, not bytes."""

    storage: StoredStorage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def load(self, file: BinaryIO) -> Tensor:
        """Read the tensor.

        Args:
            file: the checkpoint, seekable.

        Returns:
            A contiguous tensor [*shape] with its own memory.

        Raises:
            Refused: the file has become shorter.
        """
        if not math.prod(self.shape):
            return torch.empty(self.shape, dtype=self.storage.dtype)
        raw = bytearray(_extent(self.shape, self.stride) * self.storage.dtype.itemsize)
        file.seek(self.storage.offset + self.offset * self.storage.dtype.itemsize)
        if file.readinto(raw) != len(raw):
            raise Refused("is truncated")
        return torch.frombuffer(raw, dtype=self.storage.dtype).as_strided(self.shape, self.stride).contiguous()


def view(storage: object, offset: object, shape: object, stride: object) -> StoredTensor:
    """Check a view that a file declares.

    Raises:
        Refused: wrong kinds, negative values, a view larger than its storage or one that reaches outside it.
    """
    if not isinstance(storage, StoredStorage) or not _sizes(shape) or not _sizes(stride) or not _sizes((offset,)):
        raise Refused("declares a tensor that is not one")
    if len(shape) != len(stride) or math.prod(shape) > storage.count:
        raise Refused("declares a tensor larger than its data")
    if offset + _extent(shape, stride) > storage.count:
        raise Refused("declares a tensor that reaches outside its data")
    return StoredTensor(storage, offset, shape, stride)


def storage(file: BinaryIO, span: object, allowance: Allowance) -> StoredStorage:
    """Read the header of a nested storage blob; its numbers stay in the file.

    Args:
        file: the checkpoint, seekable; its position changes.
        span: where the blob lies.
        allowance: is charged for the header's instructions.

    Raises:
        Refused: the blob holds anything but the header of one storage and its numbers.
    """
    if not isinstance(span, Span):
        raise Refused("holds a storage without data")
    file.seek(span.offset)
    header = io.BytesIO(file.read(min(span.length, MAX_BLOB_HEADER_BYTES)))
    end = header.seek(0, os.SEEK_END)
    header.seek(0)
    plain = Rules(calls={}, new=lambda name: None, allowance=allowance)
    named = dataclasses.replace(plain, constants=_STORAGE_NAMES, persistent=_declared)
    magic, version, machine = (evaluate(header, end, plain) for _ in range(3))
    if magic != MAGIC_NUMBER or version != FORMAT_VERSION or not isinstance(machine, dict):
        raise Refused("holds a storage in an unknown format")
    if machine.get("little_endian") is not True:
        raise Refused("was written on a big-endian machine, which is not supported")
    declared = evaluate(header, end, named)
    keys = evaluate(header, end, plain)
    if not isinstance(declared, _Declared) or keys != [declared.key]:
        raise Refused("holds a storage in an unknown format")
    count = int.from_bytes(header.read(8), "little", signed=True)
    start = header.tell()
    if count != declared.count or span.length - start != count * declared.dtype.itemsize:
        raise Refused("declares a storage of another size than it holds")
    return StoredStorage(declared.dtype, count, span.offset + start)


@dataclass(frozen=True)
class _Declared:
    dtype: torch.dtype
    key: str
    count: int


def _declared(identity: object) -> _Declared:
    """Read a persistent id: ("storage", type, key, device, count, None)."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise Refused("refers to objects outside the file")
    kind, key, count = identity[1], identity[2], identity[4]
    known = isinstance(kind, Name) and isinstance(key, str) and type(count) is int and count >= 0
    if not known or identity[5:] not in ((), (None,)):
        raise Refused("holds a storage in an unknown format")
    return _Declared(_DTYPES[kind.name], key, count)


def _sizes(numbers: object) -> bool:
    few = isinstance(numbers, tuple) and len(numbers) <= MAX_DIMENSIONS
    return few and all(type(number) is int and 0 <= number < 1 << 62 for number in numbers)


def _extent(shape: tuple[int, ...], stride: tuple[int, ...]) -> int:
    """How many numbers of a storage a view spans, from its first to its last."""
    if not math.prod(shape):
        return 0
    return 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
