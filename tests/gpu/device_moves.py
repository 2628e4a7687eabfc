"""Whether the checks notice a move to the device that is missing.

    python -m tests.gpu.device_moves [PART OF A PLACE]

First it notes every place of the project where `.to(...)` brings something to the pretend device in `service_checks`;
but for indices, which CUDA takes from the host, too: for them the host waits, as `full_size_checks` counts.
Then it leaves out one of them at a time, in the checks that reach it, the quickest first. It prints which could be left
out without any of them failing, and ends with 1 if there are some. The cameras of `evaluation/eval_set.py` are such a
place: only true pictures of `faces` read them on the device, which are not made here. It takes some 15 minutes.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.gpu import service_checks
from tests.gpu.activity import CODE, PROJECT
from tests.gpu.pretend_device import ACTIVITY, NAME

WORKERS = 2
_tensor_to, _module_to = torch.Tensor.to, torch.nn.Module.to
_missing = ""
_moved: set[str] = set()


def _place() -> str | None:
    """The project's line that calls, if it is the project's own code that does."""
    code = sys._getframe(2).f_code
    if not code.co_filename.startswith(CODE):
        return None
    return f"{os.path.relpath(code.co_filename, PROJECT)}:{sys._getframe(2).f_lineno}"


def _device(value: Any) -> torch.device | None:
    if isinstance(value, torch.Tensor):
        return value.device
    return torch.device(value) if isinstance(value, str | torch.device) else None


def _is_index(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == torch.int64


def _arrives(own: torch.device | None, args: tuple, options: dict) -> bool:
    """Whether something that is elsewhere is brought to the device."""
    target = next((found for found in map(_device, (*args, *options.values())) if found is not None), None)
    return target is not None and target.type == NAME and (own is None or own.type != NAME)


def _without_device(args: tuple, options: dict) -> tuple[tuple, dict]:
    kept = [value.dtype if isinstance(value, torch.Tensor) else value for value in args]
    return (
        tuple(value for value in kept if _device(value) is None),
        {name: value for name, value in options.items() if name == "dtype"},
    )


def _to(original: Callable[..., Any], own: Callable[[Any], torch.device | None]) -> Callable[..., Any]:
    def to(self: Any, *args: Any, **options: Any) -> Any:
        place = _place()
        if place is not None and not _is_index(self) and _arrives(own(self), args, options):
            _moved.add(place)
            if place == _missing:
                args, options = _without_device(args, options)
                return original(self, *args, **options) if args or options else self
        return original(self, *args, **options)

    return to


def _run(title: str, missing: str) -> tuple[set[str], float, str]:
    """Places that one check reaches, its seconds, and how it failed: in a process of its own."""
    global _missing
    _missing = missing
    torch.Tensor.to = _to(_tensor_to, lambda tensor: tensor.device)  # type: ignore[method-assign]
    torch.nn.Module.to = _to(_module_to, lambda module: next((p.device for p in module.parameters()), None))  # type: ignore[method-assign]
    service_checks.prepare()
    service_checks.WORK = Path(service_checks.new_folder())
    started = time.perf_counter()
    try:
        result = dict(service_checks.checks())[title]()
        failed = "other pictures" if title.startswith("same pictures") and result > 4 else ""
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    if not failed and ACTIVITY.helpers:
        failed = "a helper thread"
    return _moved, time.perf_counter() - started, failed


def _titles() -> list[str]:
    return [title for title, _ in service_checks.checks() if title != "hashes"]


def main() -> None:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    titles = _titles()
    # Each check in a fork of its own, as what is loaded once stays on the device.
    with multiprocessing.get_context("fork").Pool(WORKERS, maxtasksperchild=1) as pool:
        found = pool.starmap(_run, [(title, "") for title in titles], chunksize=1)
        reached = {title: (places, seconds) for title, (places, seconds, _) in zip(titles, found, strict=True)}
        quickest = sorted(titles, key=lambda title: reached[title][1])
        places = sorted({place for found, _ in reached.values() for place in found if wanted in place})
        left = {place: [title for title in quickest if place in reached[title][0]] for place in places}
        unnoticed = []
        while left:
            tried = [(checks.pop(0), place) for place, checks in left.items()]
            for (_, place), (_, _, failed) in zip(tried, pool.starmap(_run, tried, chunksize=1), strict=True):
                if failed or not left[place]:
                    print(place, "|", failed.partition("\n")[0][:100] or "NOT NOTICED", flush=True)
                    unnoticed += [] if failed else [place]
                    del left[place]
    print(f"{len(places)} moves, {len(unnoticed)} of them unnoticed: {', '.join(sorted(unnoticed))}")
    sys.exit(bool(unnoticed))


if __name__ == "__main__":
    main()
