"""The settings of Create: preset, method, steps, losses, parts, and how people are shown."""

from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.methods import LOSSES, METHODS, PARTS, TITLES
from adapter.methods.offers import (
    DEFAULT_ENCODER,
    DEFAULT_METHOD,
    TRUNCATION_PSI,
    default_preset,
    page_presets,
    presets,
    trained_parts,
)
from adapter.methods.schema import Method
from adapter.service.plans import check_plan
from adapter.service.settings import Settings
from adapter.ui import html
from adapter.ui.handlers import AT_ONCE, Outputs, Values, report_errors
from adapter.ui.tabs.inputs import PICTURE, READY, WORDS
from adapter.utils.accelerator import has_gpu


class AdvancedSettings:
    """How thoroughly a style is learned, and the folded settings. Made inside of Blocks: `layout`, then `connect`.

    Args:
        settings: name the CLIP, and how long a job may take.
        note: gets sentences for the visitor.
    """

    def __init__(self, settings: Settings, note: gr.HTML) -> None:
        self.settings, self.note = settings, note

    def layout(self) -> None:
        """Make the components."""
        encoder = self.settings.encoder
        default = default_preset(DEFAULT_METHOD, encoder)
        self.preset = gr.Radio(
            preset_choices(DEFAULT_METHOD, encoder),
            value=default,
            label="How thoroughly",
            elem_id="preset",
            elem_classes="segments",
        )
        self.estimate = gr.HTML(self._estimated({}), elem_id="estimate", apply_default_css=False)
        with gr.Accordion("Advanced", open=False, elem_id="advanced"):
            self._layout_people()
            self._layout_training(presets(DEFAULT_METHOD, encoder)[default].method)

    def _layout_people(self) -> None:
        self.method = gr.Dropdown(
            method_choices(PICTURE, self.settings.encoder), value=DEFAULT_METHOD, label="Method", elem_id="method"
        )
        with gr.Row():
            self.steps = gr.Number(
                0, label="Steps", info="0: as the preset has it", precision=0, elem_id="steps", min_width=120
            )
            self.seed = gr.Number(
                0, label="Seed", info="same seed, same domain", precision=0, elem_id="domain-seed", min_width=120
            )
        self.strength = gr.Slider(
            0, 1.5, 1.0, step=0.05, label="Strength", info="0 is the source world, 1 the learned one", buttons=[]
        )
        self.truncation = gr.Slider(
            0,
            1,
            TRUNCATION_PSI,
            step=0.05,
            label="Truncation",
            info="of the people shown: 0 average, 1 as varied as they come",
            buttons=[],
        )

    def _layout_training(self, method: Method) -> None:
        parts = trained_parts(method)
        self.parts = gr.CheckboxGroup(_part_choices(parts), value=list(parts), label="What trains", elem_id="parts")
        with gr.Accordion("Loss weights", open=False, elem_classes="inner"):
            self.losses = {
                kind: gr.Slider(
                    0,
                    _maximum_weight(method.weight(kind)),
                    method.weight(kind),
                    step=0.1,
                    label=kind.replace("_", " ").capitalize(),
                    info=LOSSES[kind].description,
                    visible=method.weight(kind) > 0,
                    buttons=[],
                )
                for kind in LOSSES
                if _ever_used(kind)
            }

    def connect(self) -> None:
        """Connect the components."""
        for chosen in (self.method.input, self.preset.input):
            chosen(self.choose, [self.method, self.preset], [*self.chosen, self.note], preprocess=False, **AT_ONCE)
        planned: list[Any] = [self.method, self.preset, self.steps, self.seed]
        gr.on(
            [control.change for control in planned],
            self.judge,
            planned,
            [self.estimate],
            trigger_mode="always_last",
            preprocess=False,
            **AT_ONCE,
        )

    @property
    def chosen(self) -> list[gr.components.Component]:
        """All that a method and its preset change."""
        return [self.preset, self.parts, *self.losses.values()]

    @property
    def components(self) -> list[gr.components.Component]:
        """All that `read` uses."""
        own = [self.method, self.preset, self.steps, self.seed, self.strength, self.truncation, self.parts]
        return [*own, *self.losses.values()]

    def read(self, values: Values) -> dict[str, Any]:
        """Arguments of `AdaptRequest`; what was left alone is left out.

        Raises:
            UserError: a box that must hold a number is empty.
        """
        name, preset = values[self.method], values[self.preset]
        method = presets(name, self.settings.encoder)[preset].method
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

    @report_errors("estimate")
    def judge(self, name: str, preset: str, steps: float | None, seed: float | None) -> Outputs:
        """Tell how long the job takes, or why it cannot be done as it stands."""
        if preset not in presets(name, self.settings.encoder):
            return {self.estimate: ""}  # the method has just changed, and `choose` takes another preset
        plan = {"method": name, "preset": preset, "steps": int(steps) if steps else None, "seed": whole(seed)}
        return {self.estimate: self._estimated(plan)}

    def _estimated(self, plan: dict[str, Any]) -> str:
        return html.estimate(check_plan(plan, self.settings.encoder, self.settings.longest_job), has_gpu())

    @report_errors()
    def choose(self, name: str, preset: str) -> Outputs:
        """Show what the chosen method and preset have."""
        preset = _fitting_preset(name, preset, self.settings.encoder)
        return {
            self.preset: gr.Radio(preset_choices(name, self.settings.encoder), value=preset),
            **self._fitted(name, preset),
        }

    @report_errors()
    def offer(self, entrance: str, name: str, preset: str) -> Outputs:
        """Offer the methods that one of the three ways in can guide; the settings of one that stays stay."""
        encoder, is_trained = self.settings.encoder, entrance != READY
        fitting = fitting_method(name, entrance, encoder)
        shown = {}
        if fitting != name:
            preset = _fitting_preset(fitting, preset, encoder)
            shown = self._fitted(fitting, preset)
        return {
            **shown,
            self.method: gr.Dropdown(method_choices(entrance, encoder), value=fitting),
            self.preset: gr.Radio(preset_choices(fitting, encoder), value=preset, visible=is_trained),
            self.estimate: gr.HTML(visible=is_trained),
        }

    def restore(self, values: Values, entrance: str) -> Outputs:
        """Show what stood in the controls beside one of the three ways in."""
        name = values[self.method]
        preset = _fitting_preset(name, values[self.preset], self.settings.encoder)
        offered = self.offer(entrance, name, preset)
        return {**{one: values[one] for one in self.components}, **self._fitted(name, preset, values), **offered}

    def _fitted(self, name: str, preset: str, values: Values | None = None) -> Outputs:
        """Parts and losses of a method, at its own values or at those given."""
        values, method = values or {}, presets(name, self.settings.encoder)[preset].method
        parts = trained_parts(method)
        shown: Outputs = {self.parts: gr.CheckboxGroup(_part_choices(parts), value=values.get(self.parts, list(parts)))}
        for kind, slider in self.losses.items():
            weight = method.weight(kind)
            value = values.get(slider, weight)
            shown[slider] = gr.Slider(value=value, maximum=_maximum_weight(weight), visible=weight > 0)
        return shown


def method_choices(entrance: str, encoder: str = DEFAULT_ENCODER) -> list[tuple[str, str]]:
    """(title, name) of the methods that one of the ways in, pictures or words, can guide."""
    return [(TITLES[name] + _REMARKS.get(name, ""), name) for name in METHODS if _fits(name, entrance, encoder)]


def fitting_method(name: str, entrance: str, encoder: str = DEFAULT_ENCODER) -> str:
    """That method, or the first one that this entrance can guide."""
    return name if _fits(name, entrance, encoder) else method_choices(entrance, encoder)[0][1]


def preset_choices(name: str, encoder: str = DEFAULT_ENCODER) -> list[tuple[str, str]]:
    """(title with seconds, name) of what the page offers of a method."""
    offered = presets(name, encoder)
    return [
        (f"{offered[preset].title} · {offered[preset].seconds} s", preset) for preset in page_presets(name, encoder)
    ]


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


def _fits(name: str, entrance: str, encoder: str) -> bool:
    method = presets(name, encoder)[default_preset(name, encoder)].method
    return method.takes_text if entrance == WORDS else method.takes_image or method.per_frame


def _fitting_preset(name: str, preset: str, encoder: str) -> str:
    """That preset, or the one that the method begins with if it has no such preset."""
    return preset if preset in presets(name, encoder) else default_preset(name, encoder)


def _part_choices(parts: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(_PARTS.get(part, PARTS[part]), part) for part in parts]


def _ever_used(kind: str) -> bool:
    return any(method.weight(kind) for own in METHODS.values() for method in own.values())


def _maximum_weight(weight: float) -> float:
    return max(1.0, round(3 * weight, 1))
