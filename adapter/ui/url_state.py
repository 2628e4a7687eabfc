"""Links carry state: what a visitor opens the page with, read from the address."""

import math
from collections.abc import Mapping

import gradio as gr

from adapter.errors import UserError
from adapter.service.library import find
from adapter.service.settings import Settings
from adapter.ui.handlers import QUIET, Outputs
from adapter.ui.tabs.explore import ExploreTab
from adapter.ui.tabs.inputs import WORDS, InputsTab

TABS = ("create", "explore", "library", "about")
_NUMBERS = ("seed", "weight", "truncation", "yaw", "pitch", "zoom")


def connect_url(settings: Settings, page: gr.Blocks, tabs: gr.Tabs, inputs: InputsTab, explore: ExploreTab) -> None:
    """Read the address when the page opens: ``?tab=``, ``?prompt=``, or ``?domain=...&seed=...`` and a camera."""
    numbers = {name: getattr(explore, name) for name in _NUMBERS}
    prompt = inputs.words.prompt

    def read(request: gr.Request) -> Outputs:
        query = dict(request.query_params)
        if query.get("prompt"):
            return {prompt: query["prompt"][:200], inputs.tabs: gr.Tabs(selected=WORDS), inputs.which: WORDS}
        shown: Outputs = {numbers[name]: value for name, value in in_range(query, numbers).items()}
        world = known_domain(settings, query.get("domain", ""))
        if world:
            shown[explore.world] = world
        tab = query.get("tab", "") if query.get("tab") in TABS else "explore" if shown else ""
        return {**shown, tabs: gr.Tabs(selected=tab) if tab else gr.skip()}

    outputs = [tabs, prompt, inputs.tabs, inputs.which, explore.world, *numbers.values()]
    page.load(read, None, outputs, queue=False, **QUIET)


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
    try:
        return name if name and find(name, settings).base == settings.base else ""
    except UserError:
        return ""
