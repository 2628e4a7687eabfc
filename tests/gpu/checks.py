"""Checks as plain functions, run one after the other in a process of their own; what each did is told as JSON."""

import json
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from tests.gpu.pretend_device import ACTIVITY
from tests.gpu.processes import MARK

Check = tuple[str, Callable[[], Any]]


def run(checks: Iterable[Check]) -> None:
    """Run checks and print a line with `MARK` and, by title, what each did or how it failed.

    What a check returns is told under "result".
    """
    told: dict[str, dict[str, Any]] = {}
    for title, work in checks:
        ACTIVITY.reset()
        started = time.perf_counter()
        try:
            result, error = work(), ""
        except Exception:
            result, error = None, traceback.format_exc()
        told[title] = {**ACTIVITY.summary(), "result": result, "error": error, "seconds": time.perf_counter() - started}
    print(MARK + json.dumps(told), flush=True)
