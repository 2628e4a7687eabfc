"""The settings of Create: preset, method, steps, losses, parts, and how people are shown."""

from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.methods import LOSSES, METHODS, PARTS, TITLES
from adapter.methods.offers import DEFAULT_METHOD, TRUNCATION_PSI, default_preset, page_presets, presets, trained_parts
from adapter.methods.schema import Method
from adapter.service.requests import check_plan
from adapter.service.settings import Settings
from adapter.ui import html
from adapter.ui.handlers import QUIET, Outputs, Values


class AdvancedSettings:
    """How thoroughly a style is learned, and the folded settings. Made inside of Blocks: `layout`, then `connect`.

    Args:
        settings: name the CLIP, and how long a job may take.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def layout(self) -> None:
        """Make the components."""
        default = default_preset(DEFAULT_METHOD)
        self.preset = gr.Radio(
            preset_choices(DEFAULT_METHOD),
            value=default,
            label="How thoroughly",
            elem_id="preset",
            elem_classes="segments",
        )
        self.estimate = gr.HTML(self._estimated({}), elem_id="estimate", apply_default_css=False)
        with gr.Accordion("Advanced", open=False, elem_id="advanced"):
            self._layout_people()
            self._layout_training(presets(DEFAULT_METHOD)[default].method)

    def _layout_people(self) -> None:
        self.method = gr.Dropdown(method_choices("image"), value=DEFAULT_METHOD, label="Method", elem_id="method")
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
        at_once: dict[str, Any] = {"queue": False, **QUIET}
        outputs = [self.preset, self.parts, *self.losses.values()]
        for changed in (self.method.change, self.preset.input):
            changed(self.fit, [self.method, self.preset], outputs, **at_once)
        planned: list[Any] = [self.method, self.preset, self.steps, self.seed]
        gr.on(
            [control.change for control in planned],
            self.judge,
            planned,
            self.estimate,
            trigger_mode="always_last",
            **at_once,
        )

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

    def judge(self, name: str, preset: str, steps: float | None, seed: float | None) -> str:
        """How long the job takes, or why it cannot be done as it stands."""
        if preset not in presets(name):
            return ""  # the method has just changed, and `fit` chooses another preset
        try:
            plan = {"method": name, "preset": preset, "steps": int(steps) if steps else None, "seed": whole(seed)}
            return self._estimated(plan)
        except UserError as error:
            return html.notice(str(error), "problem")

    def _estimated(self, plan: dict[str, Any]) -> str:
        return html.estimate(check_plan(plan, self.settings.encoder, self.settings.longest_job))

    def fit(self, name: str, preset: str) -> Outputs:
        """Show what the chosen method and preset have."""
        if preset not in presets(name):
            preset = default_preset(name)
        method = presets(name)[preset].method
        parts = trained_parts(method)
        shown: Outputs = {
            self.preset: gr.Radio(preset_choices(name), value=preset),
            self.parts: gr.CheckboxGroup(_part_choices(parts), value=list(parts)),
        }
        for kind, slider in self.losses.items():
            weight = method.weight(kind)
            shown[slider] = gr.Slider(value=weight, maximum=_maximum_weight(weight), visible=weight > 0)
        return shown


def method_choices(entrance: str) -> list[tuple[str, str]]:
    """(title, name) of the methods that pictures ("image") or words ("text") can guide."""
    return [(TITLES[name] + _REMARKS.get(name, ""), name) for name in METHODS if _fits(name, entrance)]


def fitting_method(name: str, entrance: str) -> str:
    """That method, or the first one that this entrance can guide."""
    return name if _fits(name, entrance) else method_choices(entrance)[0][1]


def preset_choices(name: str) -> list[tuple[str, str]]:
    """(title with seconds, name) of what the page offers of a method."""
    offered = presets(name)
    return [(f"{offered[preset].title} · {offered[preset].seconds} s", preset) for preset in page_presets(name)]


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
    return any(method.weight(kind) for own in METHODS.values() for method in own.values())


def _maximum_weight(weight: float) -> float:
    return max(1.0, round(3 * weight, 1))
