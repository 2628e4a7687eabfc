"""Which methods and presets the page, the API and the command line offer, and what a request makes of them.

Free of tensors: everything here is data.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapter.errors import UserError
from adapter.methods.presets import METHODS
from adapter.methods.schema import PARTS, Method

BASE = os.environ.get("BASE", "heads")
ENCODER = os.environ.get("ENCODER", "clip-heads")
DEFAULT_METHOD = "3d-adapter"
PAGE_PRESETS = ("draft", "clip-vit") if ENCODER.startswith("ViT") else ("draft", "quick", "full")
DEFAULT_PRESET = PAGE_PRESETS[-1]
_SECONDS_A_STEP = {"3d-adapter": 0.25, "difa": 0.7, "nada": 0.75, "dorm": 0.5, "finetune": 0.95, "stylize": 0.1}
"""As `python -m adapter benchmark --methods ...` prints them for 2 CPU cores, with a little for previews."""
_FRAMES = 50  # pictures of a result that a per-frame method paints, in batches of a training step
_DRAFT = 0.3


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


def presets(name: str) -> dict[str, Preset]:
    """The presets of a method: its own, and "draft", a third of the shortest one on the page.

    Raises:
        UserError: no such method.
    """
    if name not in OFFERS:
        raise UserError(f"There is no method named {name!r}. Choose from: {', '.join(OFFERS)}.")
    return OFFERS[name]


def default_preset(name: str) -> str:
    """The preset of a method that is taken when none is named: the last of the page's that it has."""
    offered = presets(name)
    return next(preset for preset in (DEFAULT_PRESET, "quick", *offered) if preset in offered)


def plan(
    name: str,
    preset: str,
    weights: Mapping[str, float] | None = None,
    steps: int | None = None,
    parts: Sequence[str] | None = None,
) -> Method:
    """A method with the visitor's changes.

    Args:
        name, preset: of the method.
        weights: other weights for some of its losses, by kind.
        steps: of all stages together; each keeps its share. None leaves them.
        parts: the only names of `PARTS` that may train. None leaves them.

    Raises:
        UserError: unknown names, values out of range, or nothing left to train.
    """
    method = _preset(name, preset).method
    if weights:
        method = method.with_weights(weights)
    if parts is not None:
        method = only(method, parts)
    if steps is not None:
        method = method.of_length(steps)
    return method


def seconds(name: str, preset: str, steps: int | None = None) -> float:
    """Seconds of adaptation that a method takes, roughly; see `Preset`.

    Raises:
        UserError: no such method or preset.
    """
    offered = _preset(name, preset)
    return offered.seconds * (1 if steps is None else steps / offered.method.steps)


def _preset(name: str, preset: str) -> Preset:
    offered = presets(name)
    if preset not in offered:
        raise UserError(f"{name} has no preset named {preset!r}. Choose from: {', '.join(offered)}.")
    return offered[preset]


def only(method: Method, parts: Sequence[str]) -> Method:
    """The same method training nothing but ``parts``; stages that would train nothing are left out.

    Raises:
        UserError: an unknown part, or no stage left.
    """
    for part in parts:
        if part not in PARTS:
            raise UserError(f"There is no part named {part!r} to train. Choose from: {', '.join(PARTS)}.")
    stages = []
    for stage in method.stages:
        train = tuple(part for part in stage.train if part.split(".")[0] in parts)
        if train:
            stages.append(dataclasses.replace(stage, train=train))
    if not stages:
        raise UserError("Nothing is left to train. Choose at least one part that this method trains.")
    background = method.background if any("background" in stage.train for stage in stages) else 0
    return dataclasses.replace(method, stages=tuple(stages), background=background)


def work(method: Method) -> int:
    """Training steps that a job takes, or as many as its pictures cost where every one is painted by itself."""
    return method.steps * (_FRAMES if method.per_frame else 1)


def trained_parts(method: Method) -> tuple[str, ...]:
    """The names of `PARTS` that some stage of a method trains."""
    trained = {part.split(".")[0] for stage in method.stages for part in stage.train}
    return tuple(part for part in PARTS if part in trained)


def _offer(own: Mapping[str, Method]) -> dict[str, Preset]:
    quick = next(own[name] for name in (PAGE_PRESETS[1], *own) if name in own)
    offered = {"draft": quick.of_length(round(_DRAFT * quick.steps), "draft"), **own}
    return {
        name: Preset(
            name.replace("-", " ").capitalize(), max(1, round(_SECONDS_A_STEP[method.name] * work(method))), method
        )
        for name, method in offered.items()
    }


OFFERS: dict[str, dict[str, Preset]] = {name: _offer(own) for name, own in METHODS.items()}
