"""The folded settings of Create: method, steps, losses, parts, and how people are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.methods.offers import DEFAULT_METHOD, OFFERS, PAGE_PRESETS, default_preset, presets, trained_parts
from adapter.methods.presets import TITLES
from adapter.methods.schema import LOSSES, PARTS

Values = Mapping[Any, Any]


@dataclass(frozen=True)
class Advanced:
    """The controls, and what they say as arguments of `AdaptRequest`."""

    method: gr.Dropdown
    preset: gr.Radio
    steps: gr.Number
    seed: gr.Number
    strength: gr.Slider
    truncation: gr.Slider
    parts: gr.CheckboxGroup
    losses: dict[str, gr.Slider]

    @property
    def components(self) -> list[gr.components.Component]:
        """All controls."""
        own = [self.method, self.preset, self.steps, self.seed, self.strength, self.truncation, self.parts]
        return [*own, *self.losses.values()]

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`; what was left alone is left out.

        Raises:
            UserError: a box that must hold a number is empty.
        """
        name, preset = values[self.method], values[self.preset]
        method = presets(name)[preset].method
        weights = {kind: float(values[slider]) for kind, slider in self.losses.items() if method.weight(kind)}
        trained = trained_parts(method)
        return {
            "method": name,
            "preset": preset,
            "steps": None if not values[self.steps] else int(values[self.steps]),
            "seed": whole(values[self.seed]),
            "strength": float(values[self.strength]),
            "truncation": float(values[self.truncation]),
            "parts": None if set(values[self.parts]) >= set(trained) else tuple(values[self.parts]),
            "weights": {kind: weight for kind, weight in weights.items() if weight != method.weight(kind)},
        }


def preset_radio() -> gr.Radio:
    """How thoroughly: stands outside of the folded part."""
    return gr.Radio(
        preset_choices(DEFAULT_METHOD),
        value=default_preset(DEFAULT_METHOD),
        label="How thoroughly",
        elem_id="preset",
        elem_classes="segments",
    )


def advanced(preset: gr.Radio) -> Advanced:
    """Lay the folded controls out and connect them to each other."""
    method = gr.Dropdown(method_choices("image"), value=DEFAULT_METHOD, label="Method", elem_id="method")
    with gr.Row():
        steps = gr.Number(0, label="Steps", info="0: as the preset has it", minimum=0, precision=0, min_width=120)
        seed = gr.Number(0, label="Seed", info="same seed, same domain", precision=0, min_width=120)
    strength = gr.Slider(
        0, 1.5, 1.0, step=0.05, label="Strength", info="0 is the source world, 1 the learned one", buttons=[]
    )
    truncation = gr.Slider(
        0,
        1,
        0.7,
        step=0.05,
        label="Truncation",
        info="of the people shown: 0 average, 1 as varied as they come",
        buttons=[],
    )
    start = presets(DEFAULT_METHOD)[default_preset(DEFAULT_METHOD)].method
    parts = gr.CheckboxGroup(
        _part_choices(trained_parts(start)), value=list(trained_parts(start)), label="What trains", elem_id="parts"
    )
    with gr.Accordion("Loss weights", open=False, elem_classes="inner"):
        losses = {
            kind: gr.Slider(
                0,
                _reach(start.weight(kind)),
                start.weight(kind),
                step=0.1,
                label=_title(kind),
                info=_meaning(kind),
                visible=start.weight(kind) > 0,
                buttons=[],
            )
            for kind in LOSSES
            if _ever_used(kind)
        }
    controls = Advanced(method, preset, steps, seed, strength, truncation, parts, losses)

    def changed(name: str, chosen: str) -> dict[Any, Any]:
        """Show what the chosen method and preset have."""
        if chosen not in presets(name):
            chosen = default_preset(name)
        plan = presets(name)[chosen].method
        shown: dict[Any, Any] = {
            preset: gr.Radio(preset_choices(name), value=chosen),
            parts: gr.CheckboxGroup(_part_choices(trained_parts(plan)), value=list(trained_parts(plan))),
        }
        for kind, slider in losses.items():
            weight = plan.weight(kind)
            shown[slider] = gr.Slider(value=weight, maximum=_reach(weight), visible=weight > 0)
        return shown

    told = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
    outputs = [preset, parts, *losses.values()]
    method.change(changed, [method, preset], outputs, **told)
    preset.input(changed, [method, preset], outputs, **told)
    return controls


def method_choices(entrance: str) -> list[tuple[str, str]]:
    """(title, name) of the methods that pictures ("image") or words ("text") can lead."""
    return [(TITLES[name] + _REMARKS.get(name, ""), name) for name in OFFERS if _fits(name, entrance)]


def fitting_method(name: str, entrance: str) -> str:
    """That method, or the first one that this entrance can lead."""
    return name if _fits(name, entrance) else method_choices(entrance)[0][1]


def preset_choices(name: str) -> list[tuple[str, str]]:
    """(title with seconds, name) of what the page offers of a method."""
    offered = presets(name)
    shown = [preset for preset in PAGE_PRESETS if preset in offered] or list(offered)
    return [(f"{offered[preset].title} · {offered[preset].seconds} s", preset) for preset in shown]


def whole(value: float | None) -> int:
    """The number in a box.

    Raises:
        UserError: the box is empty.
    """
    if value is None:
        raise UserError("Enter a whole number as the seed.")
    return int(value)


_REMARKS = {
    "3d-adapter": " (our reconstruction)",
    "difa": ", carried over to 3D",
    "nada": ", carried over to 3D",
    "dorm": ", carried over to 3D",
    "stylize": ", frame by frame",
}
_PARTS = {
    "decoder": "Tri-D: colours and shapes",
    "superresolution": "G2: strokes and texture",
    "synthesis": "G1: the backbone",
    "background": "Background",
    "remodulation": "Second modulation",
}


def _fits(name: str, entrance: str) -> bool:
    method = presets(name)[default_preset(name)].method
    return method.takes_text if entrance == "text" else method.takes_image or method.per_frame


def _part_choices(parts: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(_PARTS.get(part, PARTS[part]), part) for part in parts]


def _ever_used(kind: str) -> bool:
    return any(preset.method.weight(kind) for offered in OFFERS.values() for preset in offered.values())


def _reach(weight: float) -> float:
    return max(1.0, round(3 * weight, 1))


def _title(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _meaning(kind: str) -> str:
    return LOSSES[kind]
