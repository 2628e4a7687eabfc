"""Reads the pickles in which EG3D was released, without executing what they say.

The layout is that of the released files: a dictionary with the keys ``training_set_kwargs``, ``G``, ``D``, ``G_ema``
and ``augment_pipe``, networks as nested dictionaries of attributes, each storage a blob of its own. Loading such a file
the usual way runs Python source text that it carries. Here a restricted unpickler meets only what `scan` has let pass;
names become inert stand-ins, and nothing is imported.
"""

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from adapter.eg3d.legacy_unpickler import Numbers, Record, Unpickler, printable
from adapter.eg3d.pickle_scan import Allowance, Refused, scan
from adapter.errors import UserError
from adapter.utils.storage import describe_disguise

NETWORK = "G_ema"
MAX_DEPTH, MAX_PLAIN_VALUES = 16, 10_000
_UNKNOWN = "holds a network in an unknown format"


@dataclass(frozen=True)
class LegacyCheckpoint:
    """The generator of an official file.

    Attributes:
        path: the file.
        class_name: of the network.
        tensors: its state dict by attribute path; views of the file's bytes in memory.
        init_kwargs, rendering_kwargs: plain values that the network was built from.
        neural_rendering_resolution: raw side in pixels, or None.
        plane_axes: [3, 3, 3], three orthonormal rows per plane, or None if the file has none.
    """

    path: Path
    class_name: str
    tensors: dict[str, Tensor]
    init_kwargs: dict[str, Any]
    rendering_kwargs: dict[str, Any]
    neural_rendering_resolution: int | None
    plane_axes: Tensor | None


def read_legacy_checkpoint(path: str | os.PathLike) -> LegacyCheckpoint:
    """Read the moving-average generator ``G_ema`` of an official EG3D pickle.

    Nothing of the file is imported or run. Memory: the file once.

    Args:
        path: the ``.pkl`` file.

    Raises:
        UserError: not such a file, truncated, or asking for anything that no such file needs.
    """
    path = Path(path)
    with _explained(path):
        if path.exists() and not path.is_file():
            raise Refused("is not a file")
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(0)
            kind = describe_disguise(file.read(512))
            if not end:
                raise Refused("is empty")
            if kind != "a pickle":
                raise Refused(f"is {kind}" if kind else "is not a pickle")
            file.seek(0)
            allowance = Allowance()
            scan(file, end, allowance)
            if file.tell() != end:
                raise Refused("goes on after its end")
            file.seek(0)
            return _network(path, Unpickler(file, allowance).load(), allowance)


def _network(path: Path, snapshot: object, allowance: Allowance) -> LegacyCheckpoint:
    """Pick the generator out of the rebuilt dictionary."""
    network = snapshot.get(NETWORK) if type(snapshot) is dict else None
    if not isinstance(network, Record):
        raise Refused(f"holds no network named {NETWORK}")
    fields = _attributes(network)
    tensors = dict(_state_dict(network, allowance))
    init = _plain(fields.get("_init_kwargs", {}))
    if not tensors or not isinstance(init, dict):
        raise Refused("holds no network in the layout of EG3D")
    rendering = _plain(fields.get("rendering_kwargs", init.get("rendering_kwargs", {})))
    renderer = _members(network, "_modules").get("renderer")
    axes = _attributes(renderer).get("plane_axes") if isinstance(renderer, Record) else None
    resolution = _plain(fields.get("neural_rendering_resolution"))
    if not isinstance(rendering, dict) or not isinstance(resolution, int | None):
        raise Refused("holds no network in the layout of EG3D")
    if axes is not None and (not isinstance(axes, Numbers) or axes.tensor.shape != (3, 3, 3)):
        raise Refused("holds plane axes in an unknown format")
    return LegacyCheckpoint(
        path, network.class_name, tensors, init, rendering, resolution, None if axes is None else axes.tensor
    )


def _state_dict(root: Record, allowance: Allowance) -> Iterator[tuple[str, Tensor]]:
    """Walk a network as torch's ``state_dict`` does: parameters, buffers, then children."""
    pending = [("", root, 0)]
    while pending:
        path, module, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise Refused("nests networks without end")
        allowance.spend(steps=1 + len(module.fields) if isinstance(module.fields, dict) else 1)
        hidden = _attributes(module).get("_non_persistent_buffers_set", [])
        parameters, buffers, modules = (_members(module, group) for group in ("_parameters", "_buffers", "_modules"))
        allowance.spend(steps=len(parameters) + len(buffers) + len(modules))
        if not isinstance(hidden, list | set) or len(hidden) > len(buffers):
            raise Refused(_UNKNOWN)
        kept = {name: value for name, value in buffers.items() if name not in hidden}
        for name, numbers in (parameters | kept).items():
            if isinstance(numbers, Numbers):
                yield path + name, numbers.tensor
            elif numbers is not None:
                raise Refused(_UNKNOWN)
        for name, child in reversed(modules.items()):
            if isinstance(child, Record):
                pending.append((f"{path}{name}.", child, depth + 1))
            elif child is not None:
                raise Refused(_UNKNOWN)


def _attributes(record: Record) -> dict[str, Any]:
    """The fields of a record, if they are a dictionary of ordinary attribute names."""
    state = record.fields
    if type(state) is not dict or not all(isinstance(name, str) for name in state):
        raise Refused("holds an object whose state is not a dictionary of attributes")
    for name in state:
        if name.startswith("__"):
            raise Refused(f"sets the attribute {printable(name)}, which no official file does")
    return state


def _members(module: Record, group: str) -> dict[str, object]:
    members = _attributes(module).get(group, {})
    if not isinstance(members, dict) or not all(isinstance(name, str) and "." not in name for name in members):
        raise Refused(_UNKNOWN)
    return members


def _plain(value: object) -> Any:
    """Copy a value made of plain numbers, text, lists and dictionaries; refuse anything else."""
    budget = MAX_PLAIN_VALUES

    def copy(value: object, depth: int) -> object:
        nonlocal budget
        budget -= 1
        if budget < 0 or depth > MAX_DEPTH:
            raise Refused("holds settings without end")
        if isinstance(value, float) and not math.isfinite(value):
            raise Refused("holds a setting that is not a finite number")
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list | tuple):
            return [copy(item, depth + 1) for item in value]
        if isinstance(value, dict):
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
