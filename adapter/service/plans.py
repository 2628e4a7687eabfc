"""How long a planned adaptation takes on this machine, and whether it may take that long. Loads no torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from adapter.errors import UserError
from adapter.methods.schema import MAXIMUM_STEPS
from adapter.service.gpu import LOADING_SECONDS, gpu_seconds
from adapter.service.limits import duration
from adapter.service.requests import SOURCE, AdaptRequest
from adapter.service.time_left import OUTPUT_SECONDS, adaptation_seconds
from adapter.utils.accelerator import has_gpu

_FEWEST_STEPS = 10


def check_duration(request: AdaptRequest, longest: float | None = None) -> float:
    """Seconds that an adaptation takes with all its files, roughly: on a GPU if there is one, else on 2 CPU cores.

    Args:
        request: the adaptation.
        longest: seconds that it may take; None for any time.

    Raises:
        UserError: it would take longer; names the steps that would fit.
    """
    seconds, output = float(gpu_seconds(request)), float(LOADING_SECONDS)
    if not has_gpu():
        seconds = adaptation_seconds(request.method, request.preset, request.steps, request.encoder)
        output = OUTPUT_SECONDS
    if longest is None or seconds <= longest:
        return seconds
    used = request.customized.steps
    fitting = min(MAXIMUM_STEPS, int(used * (longest - output - 1) / (seconds - output)))
    advice = f"Choose at most {fitting} steps." if fitting >= _FEWEST_STEPS else "Choose another method."
    raise UserError(f"{used} steps take about {duration(seconds)}, and a job may take {duration(longest)}. {advice}")


def check_plan(plan: Mapping[str, Any], encoder: str, longest: float | None = None) -> float:
    """Check all settings of an adaptation before its pictures or words are there.

    Args:
        plan: arguments of `AdaptRequest` other than pictures, words and folder.
        encoder: name of the CLIP.
        longest: see `check_duration`.

    Returns:
        Seconds that the adaptation takes, roughly.

    Raises:
        UserError: a value is out of its range, or the job would take too long.
    """
    picture = np.zeros((1, 1, 3), np.uint8)
    return check_duration(AdaptRequest((picture,), "", prompt=SOURCE, encoder=encoder, **plan), longest)
