"""What goes into an adaptation job and what comes out of it: plain values that can be pickled.

Free of torch, so that the page is up before torch is loaded.
"""

import dataclasses
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapter.adaptation.methods import Method, get_method

BASE = os.environ.get("BASE", "heads")
ENCODER = "clip-heads"
LOADING, RENDERING, WRITING, DONE = "Loading", "Rendering the orbit", "Writing the files", "Done"


@dataclass(frozen=True)
class Preset:
    """A choice of method on the page.

    Args:
        title: its name there.
        seconds: of adaptation on 2 CPU cores with the base ``heads``, without the video, roughly.
        method: what is run.
    """

    title: str
    seconds: int
    method: Method


def _shortened(method: Method, preset: str, share: float) -> Method:
    """The same method with a share of the steps, and previews as often as before in relation to them."""
    steps = {stage.name: max(1, round(share * stage.steps)) for stage in method.stages}
    every = max(1, round(share * method.preview_every))
    return dataclasses.replace(method.with_steps(steps), preset=preset, preview_every=every)


_QUICK, _FULL = (get_method("3d-adapter", name) for name in ("quick", "full"))
PRESETS: dict[str, Preset] = {
    "draft": Preset("Draft", 10, _shortened(_QUICK, "draft", 0.3)),
    "quick": Preset("Quick", 30, _QUICK),
    "full": Preset("Full", 65, _FULL),
}
DEFAULT_PRESET = "full"


@dataclass(frozen=True)
class AdaptRequest:
    """One adaptation, from a reference to the files.

    Args:
        reference: square picture uint8 [S, S, 3].
        folder: where the files go, and where a file named `STOP` asks the job to stop.
        preset: a name of `PRESETS`.
        seed: of the adaptation.
        strength: of the domain in the pictures and videos; the domain file does not depend on it.
        people: how many people the videos show.
        cast: which people.
        base, encoder: names of the generator and of the CLIP.
    """

    reference: np.ndarray
    folder: str
    preset: str = DEFAULT_PRESET
    seed: int = 0
    strength: float = 1.0
    people: int = 3
    cast: int = 2
    base: str = BASE
    encoder: str = ENCODER


@dataclass(frozen=True)
class AdaptResult:
    """Paths of the files of a finished or stopped job.

    Args:
        domain: the domain, safetensors.
        grid: several people and views, source rows above target rows, PNG.
        before, after: one person as source and as target, PNG.
        orbit: all people side by side, MP4; None where the job was stopped before it was rendered.
        people: one MP4 for each person; none where there is no orbit.
        steps: steps done.
        settings: what made it, as plain JSON values.
    """

    domain: str
    grid: str
    before: str
    after: str
    orbit: str | None
    people: tuple[str, ...]
    steps: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class Update:
    """Where a job stands.

    Args:
        stage: what it is doing, in words.
        step, total: of this stage's count; for training, steps over all stages.
        seconds_left: to the very end, estimated; None while unknown.
        fraction: share of the whole job done, 0 to 1, estimated.
        preview: sheet uint8 [H, W, 3] of the same people as source and as target; None where nothing is new.
        message: a sentence for the user where there is something to say.
        result: the files, in the last update.
        error: a sentence for the user; nothing follows it.
    """

    stage: str
    step: int = 0
    total: int = 0
    seconds_left: float | None = None
    fraction: float = 0.0
    preview: np.ndarray | None = None
    message: str = ""
    result: AdaptResult | None = None
    error: str = ""


def gpu_seconds(request: AdaptRequest, *_: Any, **__: Any) -> int:
    """Seconds of a GPU to ask for: 20 to load and render, and 0.05 a training step."""
    return math.ceil(20 + 0.05 * PRESETS[request.preset].method.steps)
