"""Looks through a pickle without carrying anything out, so that a restricted unpickler then meets only harmless data.

An unpickler can be made to fill the memory or to compute for minutes by instructions that name nothing. The scan bounds
the instructions, the text, the memo and the declared lengths, and lets only such keys into dictionaries and sets as
cannot be made to collide.
"""

import pickle
import pickletools
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

MAX_NAME = 200
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
_MISFIT = "is damaged: its instructions do not fit together"


class Refused(pickle.UnpicklingError):
    """Why a file is not read: the predicate of a sentence whose subject is the file."""


@dataclass
class Allowance:
    """Work and text that one file may still ask for; an official file needs about 80,000 steps and 1 MB."""

    steps: int = 200_000
    text_bytes: int = 16 << 20

    def spend(self, steps: int = 0, text_bytes: int = 0) -> None:
        """Take from the allowance.

        Raises:
            Refused: it is used up.
        """
        self.steps -= steps
        self.text_bytes -= text_bytes
        if self.steps < 0:
            raise Refused("asks for far more work than an official file")
        if self.text_bytes < 0:
            raise Refused("holds far more text than an official file")


def scan(file: BinaryIO, end: int, allowance: Allowance) -> None:
    """Go through one pickle from the file's position to behind its STOP.

    Args:
        file: seekable.
        end: position of the file's end, against which declared lengths are held.
        allowance: is charged one step for each instruction, and the text.

    Raises:
        Refused: an instruction that plain data does not need, or one that could exhaust the machine.
    """
    stack = _Kinds()
    try:
        for opcode, argument, position in pickletools.genops(cast(IO[bytes], _Bounded(file, end))):
            allowance.spend(steps=1, text_bytes=len(argument) if isinstance(argument, str) else 0)
            if opcode.name not in ALLOWED:
                raise Refused(f"uses the pickle instruction {opcode.name}, which no official file needs")
            number = argument if isinstance(argument, int) else 0
            if opcode.name == "PROTO" and not 2 <= number <= 5:
                raise Refused(f"is a pickle of protocol {number}, which official files never use")
            if opcode.name == "FRAME" and number > end - (position or 0):
                raise Refused("is truncated, or declares more data than it holds")
            stack.step(opcode, argument)
    except ValueError as error:
        raise Refused("is damaged, truncated, or not a pickle") from error


class _Bounded:
    """A file that is never asked for more than it holds, nor for endless lines."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end, self.tell = file, end, file.tell

    def read(self, size: int) -> bytes:
        if size > self._end - self._file.tell():
            raise Refused("is truncated, or declares more data than it holds")
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline(MAX_NAME)
        if not line.endswith(b"\n"):
            raise Refused("is damaged, or names something with an overlong name")
        return line


class _Kinds:
    """The stack of an unpickler, which holds the kinds of the values in place of the values."""

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._marks: list[int] = []
        self._memo: list[str] = []

    def step(self, opcode: pickletools.OpcodeInfo, argument: object) -> None:
        """Do what an instruction does to the stack."""
        name, stack = opcode.name, self._stack
        if name in ("MEMOIZE", "BINPUT", "LONG_BINPUT"):
            self._remember(len(self._memo) if argument is None else argument)
        elif name in ("BINGET", "LONG_BINGET"):
            if not isinstance(argument, int) or argument >= len(self._memo):
                raise Refused("is damaged: it refers to a value that it does not hold")
            stack.append(self._memo[argument])
        elif name == "MARK":
            self._marks.append(len(stack))
        else:
            if name == "SETITEM":
                _check_keys(stack[-2:-1])
            before = [item.name for item in opcode.stack_before]
            if "mark" in before:
                above = self._to_mark()
                if name in ("SETITEMS", "ADDITEMS"):
                    _check_keys(above[::2] if name == "SETITEMS" else above)
                before = before[: before.index("mark")]
            self._drop(len(before))
            stack.extend(_kind(opcode, argument) for _ in opcode.stack_after)

    def _remember(self, place: object) -> None:
        # An unpickler's memo is an array: a large place alone would take gigabytes.
        if not self._stack or not isinstance(place, int) or place > len(self._memo):
            raise Refused("is damaged: it keeps a value in a place that no pickler would choose")
        self._memo[place : place + 1] = [self._stack[-1]]

    def _to_mark(self) -> list[str]:
        if not self._marks:
            raise Refused(_MISFIT)
        place = self._marks.pop()
        above = self._stack[place:]
        del self._stack[place:]
        return above

    def _drop(self, count: int) -> None:
        if count > len(self._stack) - (self._marks[-1] if self._marks else 0):
            raise Refused(_MISFIT)
        if count:
            del self._stack[-count:]


def _kind(opcode: pickletools.OpcodeInfo, argument: object) -> str:
    if isinstance(argument, str) and opcode.name.endswith(("BINUNICODE", "BINUNICODE8")):
        return "key" if len(argument) <= MAX_NAME else "text"
    return "key" if opcode.name in ("BININT", "BININT1", "BININT2") else "value"


def _check_keys(kinds: list[str]) -> None:
    """Hashes of text are salted, those of numbers and tuples are not: many of them could be made to collide.

    The hash of a deeply nested tuple would also overflow the stack of the process.
    """
    if any(kind != "key" for kind in kinds):
        raise Refused("uses dictionary keys or items of a set that no official file has")
