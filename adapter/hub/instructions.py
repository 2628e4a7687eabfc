"""Splits a pickle into instructions without carrying out any of them.

Format: Python's ``pickletools``. Only what picklers of protocol 2 to 5 write for plain data is let through. Long
byte strings, which hold nearly all of a checkpoint, are not read: they are handed on as places in the file.
"""

import pickletools
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_INSTRUCTIONS = 400_000
MAX_TEXT_BYTES = 16 << 20
MAX_NAME_BYTES = 200

ALLOWED = frozenset(
    """PROTO FRAME STOP MARK POP_MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT
    SHORT_BINBYTES BINBYTES BINBYTES8 SHORT_BINUNICODE BINUNICODE BINUNICODE8
    EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE EMPTY_LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS
    EMPTY_SET ADDITEMS MEMOIZE BINPUT LONG_BINPUT BINGET LONG_BINGET
    GLOBAL STACK_GLOBAL REDUCE NEWOBJ BUILD BINPERSID""".split()
)

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


def instructions(file: BinaryIO, end: int) -> Iterator[tuple[str, object]]:
    """Yield the instructions of one pickle, up to and including its STOP.

    Args:
        file: a seekable binary file, positioned at the pickle's first byte.
        end: position in the file that the pickle may not pass.

    Yields:
        The instruction's name in ``pickletools`` and its argument: an int, float, text, short bytes, `Span` (for
        byte strings with a length field of 4 or 8 bytes), `Name` (for GLOBAL) or None.

    Raises:
        Refused: an instruction that plain data does not need, an argument that reaches past ``end``, or too many
            instructions or too much text.
    """
    text_bytes = 0
    for _ in range(MAX_INSTRUCTIONS):
        opcode = _OPCODES.get(_exactly(file, 1, end))
        if opcode is None:
            raise Refused("is damaged, or not a pickle")
        if opcode.name not in ALLOWED:
            raise Refused(f"uses the pickle instruction {opcode.name}, which no official file needs")
        argument = None
        if opcode.arg is not None:
            argument = _argument(file, end, opcode.arg.name)
        if isinstance(argument, str):
            text_bytes += len(argument)
            if text_bytes > MAX_TEXT_BYTES:
                raise Refused("holds far more text than an official file")
        yield opcode.name, argument
        if opcode.name == "STOP":
            return
    raise Refused("has far more pickle instructions than an official file")


def _argument(file: BinaryIO, end: int, kind: str) -> object:
    if kind in _NUMBERS:
        return _number(file, _NUMBERS[kind], end)
    if kind == "stringnl_noescape_pair":
        return Name(_line(file, end), _line(file, end))
    length = _number(file, _COUNTED[kind], end)
    if length > end - file.tell():
        raise Refused("is truncated, or declares more data than it holds")
    if kind in ("bytes4", "bytes8"):
        span = Span(file.tell(), length)
        file.seek(length, 1)
        return span
    if kind.startswith("unicode") and length > MAX_TEXT_BYTES:
        raise Refused("holds far more text than an official file")
    raw = _exactly(file, length, end)
    if kind == "long1":
        return int.from_bytes(raw, "little", signed=True)
    return raw if kind == "bytes1" else _decoded(raw)


def _number(file: BinaryIO, layout: str, end: int) -> int | float:
    return struct.unpack(layout, _exactly(file, struct.calcsize(layout), end))[0]


def _line(file: BinaryIO, end: int) -> str:
    line = file.readline(min(MAX_NAME_BYTES, max(end - file.tell(), 0)))
    if not line.endswith(b"\n"):
        raise Refused("is damaged, or names something with an overlong name")
    return _decoded(line[:-1])


def _exactly(file: BinaryIO, length: int, end: int) -> bytes:
    raw = file.read(length) if length <= end - file.tell() else b""
    if len(raw) != length:
        raise Refused("is truncated")
    return raw


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("is damaged: it holds text that cannot be decoded") from error
