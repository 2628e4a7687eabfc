"""Splits a pickle into instructions without carrying out any of them.

Format: Python's ``pickletools``. Only what picklers of protocol 2 to 5 write for plain data is let through. Byte
strings, which hold nearly all of a checkpoint, are not read: they are handed on as places in the file.
"""

import pickletools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

MAX_NAME_BYTES = 200

# fmt: off
ALLOWED = frozenset((
    "PROTO", "FRAME", "STOP", "MARK", "POP_MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1",
    "BININT2", "LONG1", "BINFLOAT", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "SHORT_BINUNICODE",
    "BINUNICODE", "BINUNICODE8", "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "TUPLE", "EMPTY_LIST",
    "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_SET", "ADDITEMS", "MEMOIZE",
    "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "GLOBAL", "STACK_GLOBAL", "REDUCE", "NEWOBJ",
    "BUILD", "BINPERSID",
))
# fmt: on

_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_NUMBERS = {"uint1": "<B", "uint2": "<H", "int4": "<i", "uint4": "<I", "uint8": "<Q", "float8": ">d"}
_COUNTED = {
    "long1": "<B",
    "bytes1": "<B",
    "bytes4": "<I",
    "bytes8": "<Q",
    "unicodestring1": "<B",
    "unicodestring4": "<I",
    "unicodestring8": "<Q",
}


class Refused(Exception):
    """Why a file is not read: the predicate of a sentence whose subject is the file."""


@dataclass
class Allowance:
    """Work and text that one file may still ask for; an official file needs about 80,000 steps and 1 MB."""

    steps: int = 200_000
    text_bytes: int = 16 << 20

    def spend(self, steps: int = 0, text_bytes: int = 0) -> None:
        """Take from the allowance, or raise `Refused` where it is used up."""
        self.steps -= steps
        self.text_bytes -= text_bytes
        if self.steps < 0:
            raise Refused("asks for far more work than an official file")
        if self.text_bytes < 0:
            raise Refused("holds far more text than an official file")


class Span(NamedTuple):
    """Bytes of the file that were passed over."""

    offset: int
    length: int


class Name(NamedTuple):
    """A dotted name that the file mentions. It is text and is never looked up."""

    module: str
    name: str

    @property
    def full(self) -> str:
        """Module and name joined by a dot."""
        return f"{self.module}.{self.name}"


def instructions(file: BinaryIO, end: int, allowance: Allowance) -> Iterator[tuple[str, object]]:
    """Yield the instructions of one pickle, up to and including its STOP.

    Args:
        file: a seekable binary file, positioned at the pickle's first byte.
        end: position of the file's end, against which declared lengths are held.
        allowance: is charged one step for each instruction, and the text.

    Yields:
        The instruction's name in ``pickletools`` and its argument: an int, float, text, `Span` (for byte strings),
        `Name` (for GLOBAL) or None.

    Raises:
        Refused: an instruction that plain data does not need, an argument that reaches past ``end``, or more
            than the allowance.
    """
    while True:
        allowance.spend(steps=1)
        opcode = _OPCODES.get(_exactly(file, 1))
        if opcode is None:
            raise Refused("is damaged, or not a pickle")
        if opcode.name not in ALLOWED:
            raise Refused(f"uses the pickle instruction {opcode.name}, which no official file needs")
        argument = None if opcode.arg is None else _argument(file, end, opcode.arg.name, allowance)
        yield opcode.name, argument
        if opcode.name == "STOP":
            return


def _argument(file: BinaryIO, end: int, kind: str, allowance: Allowance) -> object:
    if kind in _NUMBERS:
        return _number(file, _NUMBERS[kind])
    if kind == "stringnl_noescape_pair":
        return Name(_line(file), _line(file))
    length = _number(file, _COUNTED[kind])
    if length > end - file.tell():
        raise Refused("is truncated, or declares more data than it holds")
    if kind.startswith("bytes"):
        span = Span(file.tell(), length)
        file.seek(length, 1)
        return span
    if kind == "long1":
        return int.from_bytes(_exactly(file, length), "little", signed=True)
    allowance.spend(text_bytes=length)
    return _decoded(_exactly(file, length))


def _number(file: BinaryIO, layout: str) -> int | float:
    return struct.unpack(layout, _exactly(file, struct.calcsize(layout)))[0]


def _line(file: BinaryIO) -> str:
    line = file.readline(MAX_NAME_BYTES)
    if not line.endswith(b"\n"):
        raise Refused("is damaged, or names something with an overlong name")
    return _decoded(line[:-1])


def _exactly(file: BinaryIO, length: int) -> bytes:
    raw = file.read(length)
    if len(raw) != length:
        raise Refused("is truncated")
    return raw


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("is damaged: it holds text that cannot be decoded") from error
