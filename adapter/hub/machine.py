"""Rebuilds the plain values of a pickle: a stack machine that can make data and nothing else.

Where Python's unpickler imports what a file names and calls it, this one knows names only as text. A call is
answered by an entry of a given table of functions, an object becomes a `Record` of its fields, and everything
else is refused. Nothing is imported; no attribute of a real object is set or looked up by a name from the file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from adapter.hub.instructions import MAX_NAME_BYTES, Allowance, Name, Refused, instructions

Function = Callable[[tuple], object]


@dataclass
class Record:
    """Stands for an object of the class ``class_name``: its fields by name, no behaviour."""

    class_name: str
    fields: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """What a pickle may name.

    ``calls`` answers calls by full name, each function taking the tuple of arguments. ``new`` makes an empty object
    for a full class name, or returns None where the name is not allowed. ``constants`` are names that may be
    mentioned but not used otherwise. ``fields`` turns the state that the file gives a `Record` into fields.
    ``persistent`` answers persistent ids; None refuses them. ``allowance`` is what the file may still ask for. All
    of them raise `Refused` for what they do not know.
    """

    calls: Mapping[str, Function]
    new: Callable[[str], object | None]
    constants: frozenset[str] = frozenset()
    fields: Callable[[Record, object], dict[str, object]] = lambda record, state: attributes(state)
    persistent: Callable[[object], object] | None = None
    allowance: Allowance = field(default_factory=Allowance)


def evaluate(file: BinaryIO, end: int, rules: Rules) -> object:
    """Rebuild the value of the pickle at the file's position, and leave the file behind it.

    Args:
        file: a seekable binary file.
        end: position of the file's end.
        rules: what the pickle may name.

    Returns:
        The value, made of None, bool, int, float, str, tuple, list (sets become lists), dict with text or
        small integer keys, `Span`, `Name`, `Record` and whatever the rules' functions return. It may contain itself.

    Raises:
        Refused: a name, call or instruction outside the rules, or a damaged pickle.
    """
    machine = _Machine(rules)
    for name, argument in instructions(file, end, rules.allowance):
        machine.step(name, argument)
    return machine.pop()


class _Machine:
    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.stack: list = []
        self.below_marks: list[list] = []
        self.memo: dict[int, object] = {}

    def step(self, instruction: str, argument: object) -> None:
        match instruction:
            case "MEMOIZE":
                self.memo[len(self.memo)] = self.top()
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = self.top()
            case "BINGET" | "LONG_BINGET":
                self.push(self.recall(argument))
            case "PROTO":
                if not 2 <= argument <= 5:
                    raise Refused(f"is a pickle of protocol {argument}, which official files never use")
            case "FRAME" | "STOP":
                pass
            case "NONE":
                self.push(None)
            case "NEWTRUE" | "NEWFALSE":
                self.push(instruction == "NEWTRUE")
            case "MARK":
                self.below_marks.append(self.stack)
                self.stack = []
            case "POP_MARK":
                self.pop_to_mark()
            case "EMPTY_TUPLE":
                self.push(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                items = [self.pop() for _ in range(int(instruction[-1]))]
                self.push(tuple(reversed(items)))
            case "TUPLE":
                self.push(tuple(self.pop_to_mark()))
            case "EMPTY_LIST" | "EMPTY_SET":
                self.push([])
            case "APPEND":
                self.extend([self.pop()])
            case "APPENDS" | "ADDITEMS":
                self.extend(self.pop_to_mark())
            case "EMPTY_DICT":
                self.push({})
            case "SETITEM":
                value, key = self.pop(), self.pop()
                self.set_items([key, value])
            case "SETITEMS":
                self.set_items(self.pop_to_mark())
            case "GLOBAL":
                self.push(self.named(argument.module, argument.name))
            case "STACK_GLOBAL":
                name, module = self.pop(), self.pop()
                self.push(self.named(module, name))
            case "REDUCE":
                arguments, function = self.pop(), self.pop()
                self.push(self.call(function, arguments))
            case "NEWOBJ":
                arguments, made = self.pop(), self.pop()
                self.push(self.new(made, arguments))
            case "BUILD":
                state = self.pop()
                self.build(self.top(), state)
            case "BINPERSID":
                if self.rules.persistent is None:
                    raise Refused("refers to objects outside the file")
                self.push(self.rules.persistent(self.pop()))
            case _:
                self.push(argument)

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self) -> object:
        if not self.stack:
            raise Refused("is damaged: its instructions do not fit together")
        return self.stack.pop()

    def top(self) -> object:
        value = self.pop()
        self.push(value)
        return value

    def pop_to_mark(self) -> list:
        if not self.below_marks:
            raise Refused("is damaged: its instructions do not fit together")
        items, self.stack = self.stack, self.below_marks.pop()
        return items

    def recall(self, index: object) -> object:
        if index not in self.memo:
            raise Refused("is damaged: it refers to a value that it does not hold")
        return self.memo[index]

    def extend(self, items: list) -> None:
        target = self.top()
        if not isinstance(target, list):
            raise Refused("is damaged: it adds items to something that is not a list")
        target.extend(items)

    def set_items(self, keys_and_values: list) -> None:
        target = self.top()
        if type(target) is not dict or len(keys_and_values) % 2:
            raise Refused("is damaged: it sets items of something that is not a dictionary")
        for key, value in zip(keys_and_values[::2], keys_and_values[1::2], strict=True):
            if not _good_key(key):
                raise Refused("uses dictionary keys that no official file has")
            target[key] = value

    def named(self, module: object, name: object) -> Name:
        if not isinstance(module, str) or not isinstance(name, str) or len(module + name) > MAX_NAME_BYTES:
            raise Refused("is damaged: it names something that is not a name")
        found = Name(module, name)
        known = found.full in self.rules.calls or found.full in self.rules.constants
        if not known and self.rules.new(found.full) is None:
            raise Refused(f"asks for {printable(found.full)}, which no official file needs")
        return found

    def call(self, function: object, arguments: object) -> object:
        if not isinstance(function, Name) or function.full not in self.rules.calls:
            raise Refused("calls something that no official file calls")
        if not isinstance(arguments, tuple):
            raise Refused("is damaged: it makes a call without arguments")
        return self.rules.calls[function.full](arguments)

    def new(self, made: object, arguments: object) -> object:
        value = self.rules.new(made.full) if isinstance(made, Name) else None
        if value is None or arguments != ():
            raise Refused("makes an object that no official file holds")
        return value

    def build(self, target: object, state: object) -> None:
        if not isinstance(target, Record):
            raise Refused("gives a state to something that has none")
        self.rules.allowance.spend(steps=len(state) if isinstance(state, dict) else 0)
        target.fields.update(self.rules.fields(target, state))


def attributes(state: object) -> dict[str, object]:
    """Check that a state is a dictionary of ordinary attribute names.

    Raises:
        Refused: it is something else, or has names such as ``__class__``.
    """
    if type(state) is not dict or not all(isinstance(name, str) for name in state):
        raise Refused("holds an object whose state is not a dictionary of attributes")
    for name in state:
        if name.startswith("__"):
            raise Refused(f"sets the attribute {printable(name)}, which no official file does")
    return state


def _good_key(key: object) -> bool:
    """Whether looking the key up takes little time whatever else the dictionary holds.

    Hashes of text are salted, those of integers are not: large ones could be made to collide.
    """
    if isinstance(key, str):
        return len(key) <= MAX_NAME_BYTES
    return isinstance(key, int) and abs(key) < 1 << 31


def printable(name: str, limit: int = 60) -> str:
    """Shorten a name from the file, and mask what cannot be shown, before it goes into a message."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name[:limit])
    return shown if len(name) <= limit else shown + "..."
