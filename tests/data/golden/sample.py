"""Thins the full golden files: ``python tests/data/golden/sample.py FULL_FOLDER``.

A key ``name@s`` holds the values of the flat, contiguous tensor at the indices (j * 2654435761) mod numel. A longer
sample therefore begins with every shorter one, and a whole tensor can be sampled in the same way.
"""

import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

COUNT = 128
WHOLE = ("in.", "probe.points")


def sampled(values: torch.Tensor, count: int = COUNT) -> torch.Tensor:
    """At most ``count`` values of a tensor."""
    flat = values.flatten()
    return flat[torch.arange(count) * 2654435761 % len(flat)] if len(flat) > count else flat


def thin(name: str, values: torch.Tensor) -> tuple[str, torch.Tensor]:
    """One entry of the small file from one of the full file."""
    if name.startswith(WHOLE):
        return name, values
    if name.endswith("@s"):
        return name, values[:COUNT].clone()
    return name + "@s", sampled(values)


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            small = dict(thin(name, file.get_tensor(name)) for name in file.keys())  # noqa: SIM118
            metadata = {name: text for name, text in file.metadata().items() if name != "stats"}
        save_file(small, Path(__file__).with_name(path.name), metadata)
