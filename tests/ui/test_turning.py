"""While Explore's camera moves, the browser turns the person by itself: no call, and never somebody else."""

import json
import re
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from adapter.errors import UserError
from adapter.service.settings import Settings
from adapter.service.view_grid import COLUMNS, ROWS
from adapter.service.visitors import Visitor
from adapter.ui.tabs import explore
from adapter.ui.tabs.explore import ExploreTab

PAGE = SimpleNamespace(session_hash="page")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the GPU, which answers with gray pictures."""
    calls: list[str] = []

    def pair(request):
        calls.append("image")
        return (np.full((8, 8, 3), 90, np.uint8),) * 2

    def views(request, is_wanted):
        calls.append("views")
        return np.zeros((2 * ROWS * 4, COLUMNS * 4, 3), np.uint8) if is_wanted() else None

    monkeypatch.setattr(explore, "render_pair", pair)
    monkeypatch.setattr(explore, "render_views", views)
    monkeypatch.setattr(explore, "SETTLING_SECONDS", 0)
    return calls


class Explore:
    """An Explore tab with what stands in its controls, and what it shows."""

    def __init__(self) -> None:
        self.visitor = Visitor("visitor")
        with gr.Blocks() as self.blocks:
            self.tab = ExploreTab(Settings(), SimpleNamespace(of=lambda page: self.visitor), gr.State([]))
            with gr.Tab("Explore") as shown:
                self.tab.layout()
                self.tab.connect(shown)
        self.values = {block: getattr(block, "value", None) for block in self.blocks.blocks.values()}

    def set(self, **values) -> None:
        for name, value in values.items():
            self.values[getattr(self.tab, name)] = value

    def look(self) -> dict[str, str]:
        """Let a slider go; what is told of the picture."""
        for outputs in self.tab.look(self.values, PAGE):
            self.values |= outputs
        return dict(re.findall(r'data-(\w+)="([^"]*)"', self.values[self.tab.picture]))

    def look_around(self) -> bool:
        """What follows; whether there are new views."""
        outputs = self.tab.look_around(self.values, PAGE)
        new = isinstance(outputs[self.tab.views], str)
        self.values |= outputs if new else {}
        return new

    @property
    def key(self) -> str:
        return re.search(r'data-key="(\w+)"', self.values[self.tab.views])[1]


@pytest.fixture
def tab(asked: list[str]) -> Explore:
    return Explore()


def test_views_follow_the_picture_and_are_made_once_for_a_person(tab: Explore, asked: list[str]):
    told = tab.look()
    assert asked == ["image"], "the picture does not wait for the views"
    assert tab.look_around()
    assert tab.key == told["key"]
    asked.clear()
    for pose in ({"yaw": 30}, {"pitch": -10}, {"zoom": 1.3}, {"yaw": -55}):
        tab.set(**pose)
        assert tab.look()["key"] == tab.key
        assert not tab.look_around()
    assert asked == ["image"] * 4, "a call for each time that a slider is let go of, and no other"


def test_a_zoom_that_shows_more_or_far_less_gets_views_of_its_own(tab: Explore):
    tab.look()
    assert tab.look_around()
    for zoom in (0.8, 2.0):
        tab.set(zoom=zoom)
        tab.look()
        assert tab.look_around()
        assert f'data-zoom="{zoom}"' in tab.values[tab.tab.views]


@pytest.mark.parametrize("change", [{"seed": 9}, {"truncation": 0.2}])
def test_another_person_makes_the_views_stale(tab: Explore, change):
    tab.look()
    tab.look_around()
    tab.set(**change)
    assert tab.look()["key"] != tab.key
    assert tab.look_around()
    assert tab.look()["key"] == tab.key


def test_views_of_somebody_who_is_no_longer_looked_at_are_not_begun(tab: Explore, asked: list[str]):
    tab.look()
    late = dict(tab.values)
    tab.set(seed=9)
    tab.look()
    asked.clear()
    assert not isinstance(tab.tab.look_around(late, PAGE)[tab.tab.views], str)
    assert asked == []


def test_the_picture_tells_what_the_controls_were(tab: Explore):
    tab.set(seed=5, yaw=20, zoom=1.5)
    told = {name: json.loads(value.replace("&quot;", '"')) for name, value in tab.look().items() if name != "key"}
    assert told["pose"] == [20, 0, 1.5]
    assert told["who"][-2:] == [5, tab.values[tab.tab.truncation]]


def test_without_views_the_picture_stays(tab: Explore, monkeypatch: pytest.MonkeyPatch):
    """Who has no GPU time left for them was told nothing wrong by the picture."""

    def refuse(*_):
        raise UserError("No GPU time is left for now.")

    tab.look()
    monkeypatch.setattr(explore, "render_views", refuse)
    assert not tab.look_around()


def test_no_listener_of_a_moving_camera_calls_the_server(tab: Explore):
    camera = {tab.tab.yaw._id, tab.tab.pitch._id, tab.tab.zoom._id}
    calling = {
        event for fn in tab.blocks.fns.values() if fn.fn is not None for block, event in fn.targets if block in camera
    }
    assert calling == {"release"}


def trigger_of(request) -> int:
    """The component whose event a call of the page belongs to; -1 for other requests."""
    body = request.post_data or ""
    return json.loads(body).get("trigger_id", -1) if body.startswith("{") else -1


@pytest.mark.browser
def test_dragging_turns_the_person_without_a_call(visit):
    page = visit(query="&domain=second-world&seed=7")
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("document.querySelector('#views img')?.naturalWidth > 0")
    yaw_id = page.evaluate("window.gradio_config.components.find(each => each.props.elem_id === 'yaw').id")
    calls: list[int] = []
    page.on("request", lambda request: calls.append(trigger_of(request)) if request.method == "POST" else None)
    page.locator("#yaw input[type=range]").scroll_into_view_if_needed()
    box = page.locator("#yaw input[type=range]").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    seen = set()
    for share in (0.6, 0.75, 0.9):
        page.mouse.move(box["x"] + share * box["width"], middle, steps=3)
        page.locator("#view canvas").nth(1).wait_for()
        seen.add(page.locator("#view canvas").nth(1).evaluate("canvas => canvas.toDataURL()"))
    assert len(seen) == 3, "the person turns"
    assert yaw_id not in calls
    page.mouse.up()
    page.locator("#view canvas").first.wait_for(state="detached")
    yaw = page.locator("#yaw input[type=range]").input_value()
    page.wait_for_function(f"JSON.parse(document.querySelector('#view [data-pose]').dataset.pose)[0] === {yaw}")
    assert yaw_id in calls
    # The keyboard moves it, too, and lets go of it.
    page.locator("#pitch input[type=range]").focus()
    page.keyboard.down("ArrowRight")
    page.locator("#view canvas").nth(1).wait_for()
    page.keyboard.up("ArrowRight")
    page.locator("#view canvas").first.wait_for(state="detached")
    # A picture of somebody else than the views, or than the controls name, is not turned.
    key = page.locator("#view [data-key]").get_attribute("data-key")
    for name, other in (("key", "somebody else's"), ("who", "[]")):
        page.evaluate(
            "([name, other]) => document.querySelector('#view [data-key]').dataset[name] = other", [name, other]
        )
        page.keyboard.down("ArrowLeft")
        page.wait_for_timeout(300)
        assert page.locator("#view canvas").count() == 0
        page.keyboard.up("ArrowLeft")
        page.wait_for_function(
            "key => { const {dataset} = document.querySelector('#view [data-key]'); "
            "return dataset.key === key && dataset.who !== '[]' }",
            arg=key,
        )
