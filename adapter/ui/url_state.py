"""Links carry state: what a visitor opens the page with, read from the address."""

import math
from collections.abc import Mapping

import gradio as gr

from adapter.service.library import usable_domains
from adapter.service.settings import Settings
from adapter.ui.handlers import AT_ONCE, Outputs, report_errors
from adapter.ui.tabs.explore import ExploreTab
from adapter.ui.tabs.inputs import WORDS, InputsTab

TABS = ("create", "you", "explore", "library", "about")
_NUMBERS = ("seed", "weight", "truncation", "yaw", "pitch", "zoom")


class UrlState:
    """Reads the address when the page opens: ``?tab=``, ``?prompt=``, or ``?domain=...&seed=...`` and a camera."""

    def __init__(self, settings: Settings, tabs: gr.Tabs, inputs: InputsTab, explore: ExploreTab) -> None:
        self.settings, self.tabs, self.inputs, self.explore = settings, tabs, inputs, explore
        self.numbers = {name: getattr(explore, name) for name in _NUMBERS}

    def connect(self, page: gr.Blocks) -> None:
        """Connect the components."""
        inputs = self.inputs
        outputs = [self.tabs, inputs.words.prompt, inputs.tabs, inputs.which, self.explore.world]
        page.load(self.read, None, [*outputs, *self.numbers.values()], **AT_ONCE)

    @report_errors("")
    def read(self, request: gr.Request) -> Outputs:
        """Show what the address names."""
        query, inputs = dict(request.query_params), self.inputs
        if query.get("prompt"):
            prompt = query["prompt"][:200]
            return {inputs.words.prompt: prompt, inputs.tabs: gr.Tabs(selected=WORDS), inputs.which: WORDS}
        shown: Outputs = {self.numbers[name]: value for name, value in in_range(query, self.numbers).items()}
        world = known_domain(self.settings, query.get("domain", ""))
        if world:
            shown[self.explore.world] = world
        tab = query.get("tab", "") if query.get("tab") in TABS else "explore" if shown else ""
        return {**shown, self.tabs: gr.Tabs(selected=tab) if tab else gr.skip()}


def in_range(query: Mapping[str, str], controls: Mapping[str, gr.Slider | gr.Number]) -> dict[str, float]:
    """Numbers of an address that their controls can show; the rest is left out."""
    numbers = {}
    for name, control in controls.items():
        try:
            value = float(query[name])
        except (KeyError, ValueError):
            continue
        low, high = control.minimum, control.maximum
        if low is not None and high is not None and math.isfinite(value) and low <= value <= high:
            numbers[name] = int(value) if name == "seed" else value
    return numbers


def known_domain(settings: Settings, name: str) -> str:
    """The name where it is a ready domain of the running base, else nothing."""
    return name if name in {entry.name for entry in usable_domains(settings)} else ""
