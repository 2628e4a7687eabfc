"""Links carry state: what a visitor opens the page with, read from the address."""

import math
from collections.abc import Mapping

import gradio as gr

from adapter.errors import UserError
from adapter.methods.offers import BASE
from adapter.service.library import find
from adapter.ui.tabs.create import Create
from adapter.ui.tabs.explore import Explore
from adapter.ui.tabs.inputs import QUIET, WORDS, Outputs

TABS = ("create", "explore", "library", "about")
_NUMBERS = ("seed", "weight", "truncation", "yaw", "pitch", "zoom")


def connect_links(page: gr.Blocks, tabs: gr.Tabs, create: Create, explore: Explore) -> None:
    """Read the address when the page opens: ``?tab=``, ``?prompt=``, or ``?domain=...&seed=...`` and a camera."""
    numbers = {name: getattr(explore, name) for name in _NUMBERS}

    def read(request: gr.Request) -> Outputs:
        said = dict(request.query_params)
        shown: Outputs = {tabs: gr.skip()}
        if said.get("prompt"):
            words = said["prompt"][:200]
            return {create.prompt: words, create.entrance: gr.Tabs(selected=WORDS), create.which: WORDS}
        for name, value in in_range(said, numbers).items():
            shown[numbers[name]] = value
        world = known_domain(said.get("domain", ""))
        if world:
            shown[explore.world] = world
        if said.get("tab") in TABS:
            shown[tabs] = gr.Tabs(selected=said["tab"])
        elif world or len(shown) > 1:
            shown[tabs] = gr.Tabs(selected="explore")
        return shown

    outputs = [tabs, create.prompt, create.entrance, create.which, explore.world, *numbers.values()]
    page.load(read, None, outputs, queue=False, **QUIET)


def in_range(said: Mapping[str, str], controls: Mapping[str, gr.Slider | gr.Number]) -> dict[str, float]:
    """Numbers of an address that their controls can show; the rest is left out."""
    numbers = {}
    for name, control in controls.items():
        try:
            value = float(said[name])
        except (KeyError, ValueError):
            continue
        if math.isfinite(value) and control.minimum <= value <= control.maximum:
            numbers[name] = int(value) if name == "seed" else value
    return numbers


def known_domain(name: str) -> str:
    """The name where it is a ready domain of the running base, else nothing."""
    try:
        return name if name and find(name).base == BASE else ""
    except UserError:
        return ""
