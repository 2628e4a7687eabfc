"""Which methods and presets the page, the API and the command line offer, and what a request makes of them.

Free of tensors: everything here is data. What is offered depends on the encoder's family: "clip-vit" for CLIP's own ViT
towers, "embedded" for small convolutional ones.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapter.errors import UserError
from adapter.methods.presets import METHODS
from adapter.methods.schema import PARTS, Method, check_parts

DEFAULT_METHOD = "3d-adapter"
DEFAULT_ENCODER = "clip-heads"
TRUNCATION_PSI = 0.7
"""Truncation of the identities in previews and results, if nothing else is asked for."""
PAGE_PRESETS: dict[str, tuple[str, ...]] = {
    "embedded": ("draft", "quick", "full"),
    "clip-vit": ("draft", "clip-vit"),
}
"""What the page offers by family, from short to long."""
_SECONDS_A_STEP = {"3d-adapter": 0.25, "difa": 0.7, "nada": 0.75, "dorm": 0.5, "finetune": 0.95, "stylize": 0.1}
"""As `python -m adapter benchmark --methods ...` prints them for 2 CPU cores, with a little for previews."""
_FRAMES = 50
"""Pictures of a result that a per-frame method paints, in batches of a training step."""
_DRAFT = 0.3
"""Share of a preset's steps that its draft has."""


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


def family(encoder: str) -> str:
    """The family of an encoder by its name: a key of `PAGE_PRESETS`."""
    return "clip-vit" if encoder.startswith("ViT") else "embedded"


def page_presets(name: str, encoder: str = DEFAULT_ENCODER) -> tuple[str, ...]:
    """Names of a method's presets on the page, from short to long.

    Raises:
        UserError: no such method.
    """
    offered = presets(name, encoder)
    return tuple(preset for preset in PAGE_PRESETS[family(encoder)] if preset in offered) or tuple(offered)


def presets(name: str, encoder: str = DEFAULT_ENCODER) -> dict[str, Preset]:
    """The presets of a method: its own, and "draft", a third of the shortest one on the page.

    Raises:
        UserError: no such method.
    """
    offered = OFFERS[family(encoder)]
    if name not in offered:
        raise UserError(f"There is no method named {name!r}. Choose from: {', '.join(offered)}.")
    return offered[name]


def default_preset(name: str, encoder: str = DEFAULT_ENCODER) -> str:
    """The preset of a method that is taken if none is named: the last of the page's that it has.

    Raises:
        UserError: no such method.
    """
    offered = presets(name, encoder)
    return next(preset for preset in (PAGE_PRESETS[family(encoder)][-1], "quick", *offered) if preset in offered)


def customize(
    name: str,
    preset: str,
    weights: Mapping[str, float] | None = None,
    steps: int | None = None,
    parts: Sequence[str] | None = None,
    encoder: str = DEFAULT_ENCODER,
) -> Method:
    """A method with the visitor's changes.

    Args:
        name, preset: of the method.
        weights: other weights for some of its losses, by name.
        steps: of all stages together; each keeps its share. None leaves them.
        parts: the only names of `PARTS` that may train. None leaves them.
        encoder: name of the CLIP that is used.

    Raises:
        UserError: unknown names, values out of range, or nothing left to train.
    """
    method = _preset(name, preset, encoder).method
    if weights:
        method = method.with_weights(weights)
    if parts is not None:
        method = train_only(method, parts)
    if steps is not None:
        method = method.of_length(steps)
    return method


def seconds(name: str, preset: str, steps: int | None = None, encoder: str = DEFAULT_ENCODER) -> float:
    """Seconds of adaptation that a method takes, roughly; see `Preset`.

    Raises:
        UserError: no such method or preset.
    """
    offered = _preset(name, preset, encoder)
    return offered.seconds * (1 if steps is None else steps / offered.method.steps)


def train_only(method: Method, parts: Sequence[str]) -> Method:
    """The same method training nothing but ``parts``; stages that would train nothing are left out.

    Raises:
        UserError: an unknown part, or no stage left.
    """
    check_parts(parts)
    stages = []
    for stage in method.stages:
        train = tuple(part for part in stage.train if part.split(".")[0] in parts)
        if train:
            stages.append(dataclasses.replace(stage, train=train))
    if not stages:
        raise UserError("Nothing is left to train. Choose at least one part that this method trains.")
    background = method.background if any("background" in stage.train for stage in stages) else 0
    people = method.people and train_only(method.people, parts)
    return dataclasses.replace(method, stages=tuple(stages), background=background, people=people)


def training_steps(method: Method) -> int:
    """Training steps that a job takes; for a method that paints every picture by itself, as many as these cost."""
    return method.steps * (_FRAMES if method.per_frame else 1)


def trained_parts(method: Method) -> tuple[str, ...]:
    """The names of `PARTS` that some stage of a method trains."""
    return tuple(part for part in PARTS if method.trains(part))


def _preset(name: str, preset: str, encoder: str) -> Preset:
    offered = presets(name, encoder)
    if preset not in offered:
        raise UserError(f"{name} has no preset named {preset!r}. Choose from: {', '.join(offered)}.")
    return offered[preset]


def _offer(own: Mapping[str, Method], shortest: str) -> dict[str, Preset]:
    basis = own.get(shortest) or next(iter(own.values()))
    offered = {"draft": basis.of_length(round(_DRAFT * basis.steps), "draft"), **own}
    return {
        name: Preset(
            name.replace("-", " ").capitalize(),
            max(1, round(_SECONDS_A_STEP[method.name] * training_steps(method))),
            method,
        )
        for name, method in offered.items()
    }


def _readable(own: Mapping[str, Method], kind: str) -> dict[str, Method]:
    """The presets of a method whose losses read only layers that encoders of a family have."""
    number = int if kind == "clip-vit" else str
    layers = {
        name: [layer for term in one.losses for layer in getattr(term, "layers", ())] for name, one in own.items()
    }
    return {name: one for name, one in own.items() if all(isinstance(layer, number) for layer in layers[name])}


OFFERS: dict[str, dict[str, dict[str, Preset]]] = {
    kind: {name: _offer(_readable(own, kind), shown[1]) for name, own in METHODS.items()}
    for kind, shown in PAGE_PRESETS.items()
}
"""All presets by the encoder's family and the method."""
