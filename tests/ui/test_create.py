"""The Create tab's handlers, without a browser and without models."""

import errno
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from adapter.errors import UserError
from adapter.hub.library import DOMAIN, Entry
from adapter.service import background
from adapter.service.background import Job
from adapter.service.cancellation import stop_requested
from adapter.service.failures import DISK_FULL, UNEXPECTED
from adapter.service.requests import DONE, AdaptRequest, AdaptResult, RenderRequest, Snapshot, Update
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui.tabs import create
from adapter.ui.tabs.create import EXPIRED, CreateTab
from adapter.ui.tabs.inputs import PICTURE, READY, WORDS
from adapter.ui.tabs.results import Made

VISITOR = SimpleNamespace(session_hash="visitor")
PATIENCE = 120.0


@pytest.fixture
def tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CreateTab:
    monkeypatch.setattr(create, "adapt_job", lambda request: iter([Update(DONE)]))
    with gr.Blocks():
        tab = CreateTab(Settings(), Visitors(Sessions(tmp_path)))
        tab.layout()
        tab.connect()
    return tab


@pytest.fixture
def values(tab: CreateTab) -> dict:
    """What stands in the controls when somebody has written a prompt."""
    components = [*tab.inputs.components, *tab.advanced.components]
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


def start(tab: CreateTab, values: dict) -> Job:
    tab.start(values, VISITOR)
    return tab.visitors.of("visitor").job


def end(job: Job) -> None:
    deadline = time.monotonic() + PATIENCE
    while not job.ended:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_ready(tab: CreateTab, shown: dict) -> bool:
    return shown[tab.button].interactive and not shown[tab.stop_button].interactive and not shown[tab.clock].active


@pytest.fixture
def busy(tab: CreateTab):
    """Somebody else's job, which runs until the test sets this event."""
    done = threading.Event()

    def wait(job: Job):
        def updates():
            done.wait(PATIENCE)
            yield Update(DONE)

        return updates(), lambda result: result

    other = Job(str(tab.visitors.new_job("other")))
    tab.queue.enqueue(other.folder, "other", 40)
    background.start(other, tab.queue, wait)
    yield done
    done.set()


def test_adapt_runs_the_job_apart_from_the_page(tab, values, result, monkeypatch: pytest.MonkeyPatch):
    requests: list[AdaptRequest] = []

    def job(request: AdaptRequest) -> Iterator[Update]:
        requests.append(request)
        for step in range(4):
            yield Update("G2", step, 4, preview=np.zeros((8, 8, 3), np.uint8), losses={"total": 1.0})
        seen.wait(PATIENCE)
        yield Update(DONE, result=result)

    seen = threading.Event()
    monkeypatch.setattr(create, "adapt_job", job)
    started = start(tab, values)
    while started.pictures < 4:
        time.sleep(0.01)
    shown = tab.follow("", VISITOR)
    assert shown[tab.live].visible
    assert shown[tab.curves].visible
    assert tab.follow(shown[tab.shown], VISITOR) == {tab.shown: gr.skip()}, "nothing is sent twice"
    seen.set()
    end(started)
    done = tab.follow(shown[tab.shown], VISITOR)
    assert (requests[0].prompt, requests[0].folder) == ("a bronze statue", started.folder)
    assert done[tab.results.made].title == "A bronze statue"
    assert is_ready(tab, done)
    again = tab.follow("", VISITOR)
    assert again[tab.results.made] is done[tab.results.made], "a page that missed it gets it again"
    assert tab.restore(tab.visitors.of("visitor").values, VISITOR)[tab.inputs.words.prompt] == "a bronze statue"


def test_nothing_chosen_is_said_and_no_job_waits(tab, values):
    for entrance, sentence in ((PICTURE, "Choose a style image"), (READY, "Choose one of the ready domains")):
        assert sentence in tab.start(values | {tab.inputs.which: entrance}, VISITOR)[tab.note]
    assert tab.visitors.of("visitor").job is None


def test_a_waiting_visitor_sees_who_is_before_and_stops_at_once(tab, values, busy):
    first = start(tab, values)
    shown = tab.follow("", VISITOR)
    assert "1 person is before you" in shown[tab.status]
    assert not shown[tab.button].interactive
    assert shown[tab.stop_button].interactive
    assert shown[tab.clock].active
    began = time.monotonic()
    stopped = tab.stop(shown[tab.shown], VISITOR)
    assert is_ready(tab, stopped)
    assert "before it began" in stopped[tab.note]
    assert time.monotonic() - began < PATIENCE / 4, "it waited for the other job"
    assert tab.queue.position(first.folder) is None


def test_one_visitor_has_two_jobs_at_most(tab, values, busy):
    for _ in range(2):
        start(tab, values)
    assert "jobs running already" in tab.start(values, VISITOR)[tab.note]


def test_stop_reaches_the_running_job(tab, values, monkeypatch: pytest.MonkeyPatch):
    stopped = threading.Event()

    def job(request: AdaptRequest) -> Iterator[Update]:
        yield Update("G2", 1, 2)
        while not stop_requested(request.folder):
            time.sleep(0.01)
        stopped.set()

    monkeypatch.setattr(create, "adapt_job", job)
    started = start(tab, values)
    while started.update is None:
        time.sleep(0.01)
    assert not tab.stop("", VISITOR)[tab.stop_button].interactive
    assert stopped.wait(PATIENCE)


def test_a_session_that_was_removed_is_said(tab):
    shown = tab.follow("job-1:2:3", VISITOR)
    assert EXPIRED in shown[tab.note]
    assert is_ready(tab, shown)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("This base is damaged."), "This base is damaged."),
        (OSError(errno.ENOSPC, "full"), DISK_FULL),
        (ZeroDivisionError(), UNEXPECTED),
    ],
)
def test_a_failure_is_said_and_frees_the_place(tab, values, error, sentence, monkeypatch, caplog):
    def job(request: AdaptRequest) -> Iterator[Update]:
        raise error
        yield

    monkeypatch.setattr(create, "adapt_job", job)
    started = start(tab, values)
    end(started)
    shown = tab.follow("", VISITOR)
    assert sentence in shown[tab.note]
    assert is_ready(tab, shown)
    assert not tab.queue.start(started.folder, 0)
    assert bool(caplog.records) == (not isinstance(error, UserError))


def test_unknown_words_are_refused_at_the_press(tab, values):
    shown = tab.start(values | {tab.inputs.words.prompt: "a golden retriever in a garden"}, VISITOR)
    assert "does not understand" in shown[tab.note]
    assert tab.visitors.of("visitor").job is None


def test_how_words_are_read_is_told_beside_the_job(tab, values):
    started = start(tab, values | {tab.inputs.words.prompt: "a broze statue"})
    assert "bronze" in started.note
    end(started)


def test_what_was_typed_is_there_after_a_reload(tab, values, tmp_path: Path):
    advanced, more = tab.advanced, tmp_path / "more.png"
    more.touch()
    typed = values | {
        advanced.method: "nada",
        advanced.preset: "quick",
        advanced.steps: 7,
        advanced.losses["directional"]: 0.3,
        advanced.parts: ["superresolution"],
        tab.inputs.words.negative: "hats",
        tab.inputs.picture.more: [{"path": str(more)}, {"path": str(tmp_path / "gone.png")}],
    }
    tab.remember(typed, VISITOR)
    shown = tab.restore(tab.visitors.of("visitor").values, VISITOR)
    assert (shown[advanced.steps], shown[tab.inputs.words.negative]) == (7, "hats")
    assert (shown[advanced.method].value, shown[advanced.preset].value) == ("nada", "quick")
    assert shown[advanced.losses["directional"]].value == 0.3
    assert shown[advanced.losses["directional"]].visible
    assert shown[advanced.parts].value == ["superresolution"]
    assert shown[tab.inputs.picture.more] == [str(more)]


def test_a_reload_in_the_middle_of_a_change_shows_a_preset_that_the_method_has(tab, values):
    tab.remember(values | {tab.advanced.method: "stylize", tab.advanced.preset: "full"}, VISITOR)
    shown = tab.restore(tab.visitors.of("visitor").values, VISITOR)
    preset = shown[tab.advanced.preset]
    assert preset.value in [name for _, name in preset.choices]


def test_another_way_in_keeps_the_settings_of_a_method_that_fits(tab):
    advanced = tab.advanced
    kept = advanced.offer(WORDS, "3d-adapter", "quick")
    assert kept[advanced.method].value == "3d-adapter"
    assert advanced.parts not in kept
    changed = advanced.offer(WORDS, "finetune", "quick")
    assert changed[advanced.method].value != "finetune"
    assert changed[advanced.parts].value
    assert not advanced.offer(READY, "3d-adapter", "quick")[advanced.preset].visible


def test_a_ready_domain_is_copied_into_the_session(tab, values, result, monkeypatch: pytest.MonkeyPatch):
    requests: list[RenderRequest] = []

    def job(request: RenderRequest) -> Iterator[Update]:
        requests.append(request)
        yield Update(DONE, result=result)

    monkeypatch.setattr(create, "render_job", job)
    entry = Entry("bronze", "Bronze", DOMAIN, "CC0-1.0", "heads", Path(result.domain))
    values |= {tab.inputs.which: READY, tab.inputs.ready.chosen: entry}
    started = start(tab, values)
    end(started)
    assert Path(requests[0].domain) == Path(started.folder) / "domain.safetensors"
    assert Path(requests[0].domain).read_bytes() == b"weights"
    assert tab.follow("", VISITOR)[tab.results.made].title == "Bronze"


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("snapshot", [None, 1])
def test_the_snapshot_slider_holds_a_value_in_its_range(tab, result, count: int, snapshot: int | None):
    shots = tuple(Snapshot(step, f"{step}.safetensors", "") for step in range(1, count + 1))
    made = Made(AdaptResult(**vars(result) | {"snapshots": shots}), "Bronze", 2, place=snapshot)
    slider = tab.results.show(made)[tab.results.snapshot]
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
    tab.start_again(made, 1, 0.5, VISITOR)
    end(tab.visitors.of("visitor").job)
    done = tab.follow("", VISITOR)
    again = done[tab.results.made].result
    assert (again.steps, again.settings["strength"], again.snapshots) == (3, 0.5, shots)
    assert done[tab.results.snapshot].value == 1
    assert EXPIRED in tab.start_again(None, 1, 0.5, VISITOR)[tab.note]


def test_a_method_without_a_domain_offers_no_more_people(tab, result):
    made = Made(AdaptResult(**vars(result) | {"domain": None}), "Bronze", 2)
    shown = tab.results.show(made)
    assert not any(shown[control].visible for control in (tab.results.more, tab.results.tuning))
    with pytest.raises(gr.Error, match="paints every frame"):
        tab.results.draw_people(made, 1, 1.0, VISITOR)
