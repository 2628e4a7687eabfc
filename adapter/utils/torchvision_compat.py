"""Makes torchvision importable beside a CPU build of torch."""

import functools
import importlib.util
import threading
from pathlib import Path

import torch

_LOCK = threading.Lock()


def ensure_torchvision() -> torch.library.Library | None:
    """Declare the operators whose absence makes ``import torchvision`` raise; safe to use from several threads.

    The published torchvision wheel links CUDA libraries; beside a CPU torch its extension cannot load and the
    import stops at an unguarded registration for ``nms``. Where the extension loads, nothing is done.

    Returns:
        The library fragment that holds the declarations (kept alive by the cache), or None where none was needed.
    """
    with _LOCK:
        return _declared()


@functools.cache
def _declared() -> torch.library.Library | None:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return None
    for extension in Path(spec.submodule_search_locations[0]).glob("_C*.so"):
        try:
            torch.ops.load_library(str(extension))
            return None
        except OSError:
            continue
    fragment = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        fragment.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return fragment
