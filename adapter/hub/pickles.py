"""Reads the pickles in which EG3D was released, without executing what they say.

The layout is that of the released files: a dictionary with the keys ``training_set_kwargs``, ``G``, ``D``, ``G_ema``
and ``augment_pipe``, networks as nested dictionaries of attributes, each storage a blob of its own. Loading such a file
the usual way runs Python source text that it carries; here that text is skipped.
"""

import contextlib
import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from adapter.errors import UserError
from adapter.hub import stored
from adapter.hub.instructions import Allowance, Refused, Span
from adapter.hub.machine import Record, Rules, attributes, evaluate
from adapter.hub.stored import StoredTensor
from adapter.utils.storage import describe_disguise

NETWORK = "G_ema"
MAX_DEPTH = 16
MAX_PLAIN_VALUES = 10_000

_DICTIONARIES = frozenset({"collections.OrderedDict", "dnnlib.util.EasyDict", "dnnlib.EasyDict"})
_CLASS_PREFIXES = ("training.", "torch.nn.modules.", "torch_utils.")
_NUMPY_LAYOUTS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u1": "B", "b1": "?"}


class _NumpyType(Record):
    """A number type, ``class_name`` its code such as "f8"; the file gives it a byte order afterwards."""


@dataclass(frozen=True)
class OfficialNetwork:
    """The generator of an official file.

    ``tensors`` are the state dict by attribute path, still in the file. ``init_kwargs`` and ``rendering_kwargs`` are
    the plain values the network was built from, ``neural_rendering_resolution`` its raw side in pixels or None.
    ``plane_axes`` are the axes handed to the lookup, three orthonormal rows per plane, or None where the file has
    none.
    """

    path: Path
    class_name: str
    tensors: dict[str, StoredTensor]
    init_kwargs: dict[str, object]
    rendering_kwargs: dict[str, object]
    neural_rendering_resolution: int | None
    plane_axes: Tensor | None

    def load(self) -> Iterator[tuple[str, Tensor]]:
        """Read the state dict tensor by tensor, so that only what the caller keeps stays in memory.

        Raises:
            UserError: the file can no longer be read.
        """
        with _explained(self.path), self.path.open("rb") as file:
            for name, tensor in self.tensors.items():
                yield name, tensor.load(file)


def read_official(path: str | os.PathLike) -> OfficialNetwork:
    """Read an official EG3D pickle.

    Nothing of the file is imported, called or run, and its tensors are not read yet: memory stays at a few MB.

    Args:
        path: the ``.pkl`` file.

    Returns:
        The moving-average generator ``G_ema``.

    Raises:
        UserError: not such a file, truncated, or asking for anything that no such file needs.
    """
    path = Path(path)
    with _explained(path):
        if path.exists() and not path.is_file():
            raise Refused("is not a file")
        with path.open("rb") as file, path.open("rb") as blobs:
            end = file.seek(0, os.SEEK_END)
            file.seek(0)
            start = file.read(512)
            file.seek(0)
            if not end:
                raise Refused("is empty")
            kind = describe_disguise(start)
            if kind != "a pickle":
                raise Refused(f"is {kind}" if kind else "is not a pickle")
            allowance = Allowance()
            snapshot = evaluate(file, end, _rules(blobs, allowance))
            if file.tell() != end:
                raise Refused("goes on after its end")
            return _network(path, snapshot, blobs, allowance)


def _rules(blobs: BinaryIO, allowance: Allowance) -> Rules:
    calls = {
        "torch_utils.persistence._reconstruct_persistent_obj": lambda given: _persistent(given, allowance),
        "torch.storage._load_from_bytes": lambda given: stored.storage(blobs, *_counted(given, 1), allowance),
        "torch._utils._rebuild_tensor": lambda given: stored.view(*_counted(given, 4)),
        "torch._utils._rebuild_tensor_v2": lambda given: stored.view(*_counted(given, 6, 7)[:4]),
        "torch._utils._rebuild_parameter": _parameter,
        "numpy.dtype": _numpy_type,
        "numpy.core.multiarray.scalar": lambda given: _numpy_scalar(given, blobs),
        "numpy._core.multiarray.scalar": lambda given: _numpy_scalar(given, blobs),
        "builtins.set": _set,
        "__builtin__.set": _set,
    }
    calls |= dict.fromkeys(_DICTIONARIES, _empty_dictionary)
    return Rules(calls=calls, new=_new, fields=_fields, allowance=allowance)


def _counted(given: tuple, *counts: int) -> tuple:
    if len(given) not in counts:
        raise Refused("makes a call with arguments that no official file uses")
    return given


def _persistent(given: tuple, allowance: Allowance) -> Record:
    """Rebuild an object whose source text the file carries: class name and attributes are kept, the text is not."""
    (meta,) = _counted(given, 1)
    if type(meta) is not dict or meta.get("type") != "class" or not isinstance(meta.get("class_name"), str):
        raise Refused("holds a network in an unknown format")
    state = meta.get("state")
    allowance.spend(steps=len(state) if isinstance(state, dict) else 0)
    return Record(meta["class_name"], attributes(state))


def _parameter(given: tuple) -> StoredTensor:
    tensor = _counted(given, 3)[0]
    if not isinstance(tensor, StoredTensor):
        raise Refused("declares a parameter that is not one")
    return tensor


def _empty_dictionary(given: tuple) -> dict:
    _counted(given, 0)
    return {}


def _set(given: tuple) -> list:
    (items,) = _counted(given, 1)
    if not isinstance(items, list):
        raise Refused("is damaged: it fills a set with something else")
    return items


def _numpy_type(given: tuple) -> Record:
    code = _counted(given, 1, 3)[0]
    if not isinstance(code, str) or code not in _NUMPY_LAYOUTS:
        raise Refused("holds numbers of a kind that no official file has")
    return _NumpyType(code)


def _numpy_scalar(given: tuple, blobs: BinaryIO) -> int | float | bool:
    kind, span = _counted(given, 2)
    if not isinstance(kind, _NumpyType) or not isinstance(span, Span):
        raise Refused("holds a number in an unknown format")
    layout = "<" + _NUMPY_LAYOUTS[kind.class_name]
    if kind.fields.get("order") not in ("<", "|") or struct.calcsize(layout) != span.length:
        raise Refused("holds a number in an unknown format")
    blobs.seek(span.offset)
    return struct.unpack(layout, blobs.read(span.length))[0]


def _new(name: str) -> Record | dict | None:
    if name in _DICTIONARIES:
        return {}
    known = name.startswith(_CLASS_PREFIXES) and all(part.isidentifier() for part in name.split("."))
    return Record(name) if known else None


def _fields(record: Record, state: object) -> dict[str, object]:
    if not isinstance(record, _NumpyType):
        return attributes(state)
    if not isinstance(state, tuple) or len(state) < 2 or not isinstance(state[1], str):
        raise Refused("holds numbers of a kind that no official file has")
    return {"order": state[1]}


def _network(path: Path, snapshot: object, blobs: BinaryIO, allowance: Allowance) -> OfficialNetwork:
    """Pick the generator out of the rebuilt dictionary."""
    if type(snapshot) is not dict or not isinstance(snapshot.get(NETWORK), Record):
        raise Refused(f"holds no network named {NETWORK}")
    network = snapshot[NETWORK]
    tensors = dict(_state_dict(network, allowance))
    init = _plain(network.fields.get("_init_kwargs", {}))
    rendering = _plain(network.fields.get("rendering_kwargs", init.get("rendering_kwargs", {})))
    resolution = network.fields.get("neural_rendering_resolution")
    renderer = _child(network, "renderer")
    axes = renderer.fields.get("plane_axes") if renderer else None
    if not tensors or not isinstance(init, dict) or not isinstance(rendering, dict):
        raise Refused("holds no network in the layout of EG3D")
    if axes is not None and (not isinstance(axes, StoredTensor) or axes.shape != (3, 3, 3)):
        raise Refused("holds plane axes in an unknown format")
    return OfficialNetwork(
        path=path,
        class_name=network.class_name,
        tensors=tensors,
        init_kwargs=init,
        rendering_kwargs=rendering,
        neural_rendering_resolution=_plain(resolution),
        plane_axes=None if axes is None else axes.load(blobs),
    )


def _child(module: Record, name: str) -> Record | None:
    children = module.fields.get("_modules")
    child = children.get(name) if isinstance(children, dict) else None
    return child if isinstance(child, Record) else None


def _state_dict(root: Record, allowance: Allowance) -> Iterator[tuple[str, StoredTensor]]:
    """Walk a network as torch's ``state_dict`` does: parameters, buffers, then children."""
    pending = [("", root, 0)]
    while pending:
        path, module, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise Refused("nests networks without end")
        hidden = module.fields.get("_non_persistent_buffers_set", [])
        members = {group: _members(module, group) for group in ("_parameters", "_buffers", "_modules")}
        allowance.spend(steps=1 + sum(map(len, members.values())))
        if not isinstance(hidden, list) or len(hidden) > len(members["_buffers"]):
            raise Refused("holds a network in an unknown format")
        buffers = {name: value for name, value in members["_buffers"].items() if name not in hidden}
        for name, tensor in (members["_parameters"] | buffers).items():
            if isinstance(tensor, StoredTensor):
                yield path + name, tensor
            elif tensor is not None:
                raise Refused("holds a network in an unknown format")
        for name, child in reversed(members["_modules"].items()):
            if isinstance(child, Record):
                pending.append((f"{path}{name}.", child, depth + 1))
            elif child is not None:
                raise Refused("holds a network in an unknown format")


def _members(module: Record, group: str) -> dict[str, object]:
    members = module.fields.get(group, {})
    if type(members) is not dict or not all(isinstance(name, str) and "." not in name for name in members):
        raise Refused("holds a network in an unknown format")
    return members


def _plain(value: object) -> object:
    """Copy a value made of plain numbers, text, lists and dictionaries; refuse anything else."""
    budget = MAX_PLAIN_VALUES

    def copy(value: object, depth: int) -> object:
        nonlocal budget
        budget -= 1
        if budget < 0 or depth > MAX_DEPTH:
            raise Refused("holds settings without end")
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise Refused("holds a setting that is not a finite number")
            return value
        if isinstance(value, list | tuple):
            return [copy(item, depth + 1) for item in value]
        if type(value) is dict:
            return {str(key): copy(item, depth + 1) for key, item in value.items()}
        raise Refused("holds settings that are not plain values")

    return copy(value, 0)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn `Refused` and errors of the file system into sentences about ``path``."""
    try:
        yield
    except Refused as error:
        raise UserError(
            f"{path.name} cannot be converted: it {error}. Nothing in it was run. "
            "Choose an official EG3D .pkl file, or download it again."
        ) from error
    except OSError as error:
        reason = (error.strerror or "it is not a readable file").lower()
        raise UserError(f"{path.name} cannot be read: {reason}.") from error
