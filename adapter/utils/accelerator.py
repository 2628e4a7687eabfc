"""Whether this machine computes on a GPU, found out before PyTorch is loaded."""

import importlib.metadata
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_GPUS = Path("/proc/driver/nvidia/gpus")
_OTHERS = ("/dev/dxg", "/dev/kfd")
"""Devices of Windows' subsystem for Linux and of AMD: with one of them, and on other systems, PyTorch is asked."""


def has_gpu(environment: Mapping[str, str] = os.environ, gpus: Path = _GPUS) -> bool:
    """Whether PyTorch finds a CUDA device here, or borrows one on ZeroGPU.

    Args:
        environment: variables.
        gpus: where the driver lists its GPUs.
    """
    if environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"):
        return True
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "cuda"):
        return bool(torch.cuda.is_available())
    if environment.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if "+cpu" in importlib.metadata.version("torch"):
        return False
    if gpus.is_dir() and any(gpus.iterdir()):
        return True
    if sys.platform == "linux" and not any(os.path.exists(file) for file in _OTHERS):
        return False
    import torch as loaded

    return loaded.cuda.is_available()
