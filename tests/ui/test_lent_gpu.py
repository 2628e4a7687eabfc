"""Where every job borrows a GPU, sliders ask for one when they are let go of, and jobs run side by side."""

import gradio as gr
import pytest

from adapter.service import gpu
from adapter.service.settings import Settings
from adapter.ui.tabs import explore
from adapter.ui.tabs.explore import ExploreTab


def events_of_sliders(monkeypatch: pytest.MonkeyPatch, lent: bool) -> dict[str, set[str]]:
    """What makes the Explore tab look, of all that happens to its sliders, by their names."""
    monkeypatch.setattr(explore, "is_lent", lambda: lent)
    with gr.Blocks() as blocks:
        tab = ExploreTab(Settings(), visitors=None, user_domains=gr.State([]))
        with gr.Tab("Explore") as shown:
            tab.layout()
            tab.connect(shown)
    looks = [fn for fn in blocks.fns.values() if fn.fn is not None and fn.fn.__name__ == "look"]
    assert looks
    sliders = {id: block.elem_id for id, block in blocks.blocks.items() if isinstance(block, gr.Slider)}
    events = {sliders[block]: set() for fn in looks for block, _ in fn.targets if block in sliders}
    for fn in looks:
        for block, event in fn.targets:
            if block in sliders:
                events[sliders[block]].add(event)
    return events


def test_sliders_render_while_they_move_only_where_that_is_free(monkeypatch: pytest.MonkeyPatch):
    """The camera's never do: the browser turns the person then."""
    free, lent = events_of_sliders(monkeypatch, lent=False), events_of_sliders(monkeypatch, lent=True)
    assert all(free.pop(name) == {"release"} for name in ("yaw", "pitch", "zoom"))
    assert all(events == {"change"} for events in free.values())
    assert all(events == {"release"} for events in lent.values())


def test_lent_gpus_serve_several_visitors_at_once(monkeypatch: pytest.MonkeyPatch):
    assert gpu.jobs_at_once() == 1
    monkeypatch.setattr(gpu, "is_lent", lambda: True)
    assert gpu.jobs_at_once() > 1
