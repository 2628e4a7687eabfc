"""The kernels of ``native.cpp``: compiled by ninja where there is a compiler, and used from then on.

Nothing waits for them, and nothing needs them: PyTorch computes the same until they are there. What was compiled is
kept in the user's cache, for this processor and this PyTorch.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from adapter.eg3d.decoder_weights import DecoderWeights
from adapter.eg3d.planes import Planes

SOURCE = Path(__file__).with_name("native.cpp")
SWITCH = "COMPILE_KERNELS"
"""The environment variable that says no, or 0, where nothing is to be compiled."""
FLAGS = ("-O3", "-std=c++20", "-march=native", "-fno-math-errno")
SIZES = ((16, 32, 16), (32, 64, 32))
"""Channels, hidden units and colors of the decoders for which there is code."""
SECONDS = 600.0
"""After which a compiler is given up."""
_NAME = "domain_adapter_native"


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether kernels may be compiled and used."""
    return environment.get(SWITCH, "").strip().lower() not in {"0", "no", "off", "false"}


def ready() -> bool:
    """Whether this process has the kernels."""
    return hasattr(torch.ops.domain_adapter, "backward")


def library() -> Path:
    """The compiled file of this source, this PyTorch and this processor, whether it is there or not."""
    facts = [SOURCE.read_text(encoding="utf-8"), torch.__version__, *FLAGS, platform.machine(), _processor()]
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache")
    return cache / "domain-adapter" / f"{_NAME}-{key}.so"


def load() -> bool:
    """Use the kernels if they have been compiled.

    Returns:
        Whether this process has them.
    """
    if ready() or not wanted():
        return ready()
    path = library()
    if path.is_file() and _is_ours(path):
        try:
            torch.ops.load_library(path)
        except OSError:  # half a file, or of another machine that shares this home
            path.unlink(missing_ok=True)
    return ready()


def build(path: Path) -> None:
    """Compile the kernels into a file. Unlike PyTorch's own, a build that was killed is in no other's way.

    Raises:
        OSError, RuntimeError: no compiler, or it failed.
    """
    from torch.utils import cpp_extension

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="build-", dir=path.parent)
    # OpenMP's functions are found in PyTorch's own copy of it: linking another one would start other threads.
    try:
        cpp_extension.load(
            _NAME,
            [str(SOURCE)],
            extra_cflags=[*FLAGS, "-fopenmp"],
            build_directory=folder,
            is_python_module=False,
        )
        (Path(folder) / f"{_NAME}.so").replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Compile the kernels with the lowest priority."""
    if hasattr(os, "nice"):
        os.nice(19)
    build(library())


def build_and_load() -> bool:
    """Compile the kernels in a process of the lowest priority if need be, and use them.

    Returns:
        Whether this process has them; false without a compiler.
    """
    if load() or not wanted():
        return ready()
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    # Ninja lies beside Python, which an environment that is not activated has not on its path.
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}
    try:
        subprocess.run(
            command, env=environment, cwd=SOURCE.parents[3], capture_output=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return load()


def density(features: Tensor, weights: DecoderWeights) -> Tensor | None:
    """`adapter.eg3d.decoder.hidden_and_density`'s density [K] of features [K, C], without gradient."""
    if not _serves(weights):
        return None
    found: Tensor = torch.ops.domain_adapter.density(features.contiguous(), list(weights))
    return found


def lookup(planes: Planes, points: Tensor, box_warp: float) -> Tensor | None:
    """`adapter.eg3d.plane_lookup.lookup`, without gradient."""
    if planes.values.shape[2] not in {channels for channels, _, _ in SIZES} or not ready():
        return None
    size = planes.values.shape[-1]
    axes = [axis for pair in planes.axes for axis in pair]
    found: Tensor = torch.ops.domain_adapter.lookup(
        planes.texel_rows, points.contiguous(), axes, size, size / box_warp, planes.divisor
    )
    return found


def march(rows: Tensor, depths: Tensor, weights: DecoderWeights) -> tuple[Tensor, Tensor, Tensor] | None:
    """`adapter.eg3d.rendering.decode_and_march` of features [R * S, C] at sorted depths [R, S].

    Returns:
        Colors [R, F], distance [R] and opacity [R], differentiable in features and weights.
    """
    if not _serves(weights) or depths.shape[1] < 2:
        return None
    colors, distance, opacity = _March.apply(rows.contiguous(), depths.contiguous(), *weights)
    return colors, distance, opacity


class _March(torch.autograd.Function):
    """Keeps nothing but its inputs: going forward again costs less than the memory would."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, depths: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(rows, depths, *weights)
        return tuple(torch.ops.domain_adapter.forward(rows, depths, list(weights)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        rows, depths, *weights = ctx.saved_tensors
        needs = ctx.needs_input_grad
        features, *decoder = torch.ops.domain_adapter.backward(
            rows, depths, weights, list(gradients), needs[0], any(needs[2:])
        )
        return features if needs[0] else None, None, *(decoder or [None] * len(weights))


def _serves(weights: DecoderWeights) -> bool:
    return (weights.hidden.shape[1], len(weights.hidden), len(weights.color)) in SIZES and ready()


def _processor() -> str:
    """What the processor can do, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _is_ours(path: Path) -> bool:
    """Whether nobody else can have put the file there."""
    if not hasattr(os, "getuid"):
        return True
    facts = [path.stat(), path.parent.stat()]
    return all(one.st_uid == os.getuid() and not one.st_mode & 0o022 for one in facts)
