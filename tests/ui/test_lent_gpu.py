"""Where every job borrows a GPU, sliders ask for one when they are let go of, and jobs run side by side."""

import gradio as gr
import pytest

from adapter.service import gpu
from adapter.service.settings import Settings
from adapter.ui.tabs import explore
from adapter.ui.tabs.explore import ExploreTab


def events_of_sliders(monkeypatch: pytest.MonkeyPatch, lent: bool) -> set[str]:
    """What makes the Explore tab look, of all that happens to its sliders."""
    monkeypatch.setattr(explore, "is_lent", lambda: lent)
    with gr.Blocks() as blocks:
        tab = ExploreTab(Settings(), visitors=None, user_domains=gr.State([]))
        with gr.Tab("Explore") as shown:
            tab.layout()
            tab.connect(shown)
    looks = [fn for fn in blocks.fns.values() if fn.fn is not None and fn.fn.__name__ == "look"]
    assert looks
    sliders = {id for id, block in blocks.blocks.items() if isinstance(block, gr.Slider)}
    return {event for fn in looks for block, event in fn.targets if block in sliders}


def test_sliders_render_while_they_move_only_where_that_is_free(monkeypatch: pytest.MonkeyPatch):
    assert events_of_sliders(monkeypatch, lent=False) == {"change"}
    assert events_of_sliders(monkeypatch, lent=True) == {"release"}


def test_lent_gpus_serve_several_visitors_at_once(monkeypatch: pytest.MonkeyPatch):
    assert gpu.jobs_at_once() == 1
    monkeypatch.setattr(gpu, "is_lent", lambda: True)
    assert gpu.jobs_at_once() > 1
