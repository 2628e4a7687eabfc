"""The Create tab's handlers, without a browser and without models."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from adapter.errors import UserError
from adapter.hub.library import DOMAIN, Entry
from adapter.service.cancellation import stop_requested
from adapter.service.job_queue import JobQueue
from adapter.service.requests import DONE, AdaptRequest, AdaptResult, RenderRequest, Snapshot, Update
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.ui.handlers import UNEXPECTED
from adapter.ui.tabs import create
from adapter.ui.tabs.create import NOT_STARTED, CreateTab
from adapter.ui.tabs.inputs import PICTURE, READY, WORDS
from adapter.ui.tabs.results import Made

VISITOR = SimpleNamespace(session_hash="visitor")


@pytest.fixture
def tab(tmp_path: Path) -> CreateTab:
    with gr.Blocks():
        tab = CreateTab(Settings(), Sessions(tmp_path), JobQueue())
        tab.layout()
        tab.connect()
    return tab


@pytest.fixture
def values(tab: CreateTab) -> dict:
    """What stands in the controls when somebody has written a prompt."""
    components = [tab.job, *tab.inputs.components, *tab.advanced.components]
    return {component: component.value for component in components} | {
        tab.inputs.which: WORDS,
        tab.inputs.words.prompt: "a bronze statue",
    }


@pytest.fixture
def result(tmp_path: Path) -> AdaptResult:
    files = {name: str(tmp_path / name) for name in ("grid.png", "before.png", "after.png")}
    for file in files.values():
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file)
    domain = tmp_path / "domain.safetensors"
    domain.write_bytes(b"weights")
    return AdaptResult(str(domain), *files.values(), None, (), 7, {"strength": 1.0})


def start(tab: CreateTab, values: dict) -> str:
    shown = tab.start(values, VISITOR)
    assert not shown[tab.adapt_button].interactive
    assert shown[tab.stop_button].interactive
    values[tab.job] = shown[tab.job]
    return shown[tab.job]


def is_ready(tab: CreateTab, shown: dict) -> bool:
    return shown[tab.job] is None and shown[tab.adapt_button].interactive and not shown[tab.stop_button].interactive


def test_adapt_runs_the_job_and_ends_ready_for_the_next(tab, values, result, monkeypatch: pytest.MonkeyPatch):
    requests: list[AdaptRequest] = []

    def job(request: AdaptRequest) -> Iterator[Update]:
        requests.append(request)
        yield Update("G2", 1, 2, preview=np.zeros((8, 8, 3), np.uint8), losses={"total": 1.0})
        yield Update(DONE, result=result)

    monkeypatch.setattr(create, "adapt_job", job)
    folder = start(tab, values)
    *_, progress, done = tab.adapt(values)
    assert (requests[0].prompt, requests[0].folder) == ("a bronze statue", folder)
    assert progress[tab.live].visible
    assert done[tab.results.made].title == "A bronze statue"
    assert is_ready(tab, done)
    assert tab.queue.position(folder) is None


def test_nothing_chosen_is_said_and_no_job_waits(tab, values):
    for entrance, sentence in ((PICTURE, "Choose a style image"), (READY, "Choose one of the ready domains")):
        shown = tab.start(values | {tab.inputs.which: entrance}, VISITOR)
        assert sentence in shown[tab.note]
        assert is_ready(tab, shown)
    assert list(tab.adapt(values)) == [{tab.job: None}]


def test_a_waiting_visitor_sees_who_is_before(tab, values):
    first = start(tab, values)
    second = start(tab, dict(values))
    assert "1 person is before you" in tab.wait(second)[tab.status]
    tab.queue.start(first)
    tab.queue.remove(first)
    assert "Starting" in tab.wait(second)[tab.status]
    tab.queue.start(second)
    assert not tab.wait(second)[tab.clock].active
    assert "jobs running already" not in tab.start(values, VISITOR)[tab.note]
    assert "jobs running already" in tab.start(values, VISITOR)[tab.note]


def test_stop_reaches_the_job(tab, values):
    folder = start(tab, values)
    assert not tab.stop(folder)[tab.stop_button].interactive
    assert stop_requested(folder)


@pytest.mark.parametrize(
    ("error", "sentence"), [(UserError("This base is damaged."), "This base is damaged."), (OSError(), UNEXPECTED)]
)
def test_a_failure_is_said_and_frees_the_place(tab, values, error, sentence, monkeypatch, caplog):
    def job(request: AdaptRequest) -> Iterator[Update]:
        raise error
        yield

    monkeypatch.setattr(create, "adapt_job", job)
    folder = start(tab, values)
    *_, shown = tab.adapt(values)
    assert sentence in shown[tab.note]
    assert is_ready(tab, shown)
    assert not tab.queue.start(folder)
    assert bool(caplog.records) == (sentence == UNEXPECTED)


def test_unknown_words_give_the_place_up(tab, values, monkeypatch: pytest.MonkeyPatch):
    def refuse(prompt: str, encoder: str) -> str:
        raise UserError("The text model does not understand this.")

    monkeypatch.setattr(create, "check_prompt", refuse)
    folder = start(tab, values)
    shown = tab.check_words(values)
    assert "does not understand" in shown[tab.note]
    assert is_ready(tab, shown)
    assert not tab.queue.start(folder)


def test_what_gradio_refuses_is_said(tab, values):
    folder = start(tab, values)
    assert NOT_STARTED in tab.fail(folder)[tab.note]
    assert not tab.queue.start(folder)


def test_a_ready_domain_is_copied_into_the_session(tab, values, result, monkeypatch: pytest.MonkeyPatch):
    requests: list[RenderRequest] = []

    def job(request: RenderRequest) -> Iterator[Update]:
        requests.append(request)
        yield Update(DONE, result=result)

    monkeypatch.setattr(create, "render_job", job)
    entry = Entry("bronze", "Bronze", DOMAIN, "CC0-1.0", "heads", Path(result.domain))
    values |= {tab.inputs.which: READY, tab.inputs.ready.chosen: entry}
    folder = start(tab, values)
    *_, done = tab.adapt(values)
    assert Path(requests[0].domain) == Path(folder) / "domain.safetensors"
    assert Path(requests[0].domain).read_bytes() == b"weights"
    assert done[tab.results.made].title == "Bronze"


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("snapshot", [None, 1])
def test_the_snapshot_slider_holds_a_value_in_its_range(tab, result, count: int, snapshot: int | None):
    shots = tuple(Snapshot(step, f"{step}.safetensors", "") for step in range(1, count + 1))
    made = Made(AdaptResult(**vars(result) | {"snapshots": shots}), "Bronze", 2)
    slider = tab.results.show(made, snapshot)[tab.results.snapshot]
    assert 1 <= slider.value <= slider.maximum
    assert slider.visible == (count > 1)


def test_a_result_can_be_rendered_again_from_a_snapshot(tab, result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    early = str(tmp_path / "3.safetensors")
    Path(early).write_bytes(b"early")
    shots = (Snapshot(3, early, ""), Snapshot(7, result.domain, ""))
    made = Made(AdaptResult(**vars(result) | {"snapshots": shots}), "Bronze", 2)

    def job(request: RenderRequest) -> Iterator[Update]:
        assert (request.domain, request.strength) == (early, 0.5)
        yield Update(DONE, result=AdaptResult(**vars(result) | {"domain": request.domain}))

    monkeypatch.setattr(create, "render_job", job)
    folder = tab.start_again(made, VISITOR)[tab.job]
    *_, done = tab.render_again(made, 1, 0.5, folder)
    again = done[tab.results.made].result
    assert (again.steps, again.settings["strength"], again.snapshots) == (3, 0.5, shots)
    assert done[tab.results.snapshot].value == 1
    assert tab.start_again(None, VISITOR) == {tab.job: None}


def test_a_method_without_a_domain_offers_no_more_people(tab, result):
    made = Made(AdaptResult(**vars(result) | {"domain": None}), "Bronze", 2)
    shown = tab.results.show(made)
    assert not any(shown[control].visible for control in (tab.results.more, tab.results.tuning))
    with pytest.raises(gr.Error, match="paints every frame"):
        tab.results.draw_people(made, 1, 1.0, VISITOR)
