"""The You tab's handlers, without a browser and without models."""

import dataclasses
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from adapter.errors import UserError
from adapter.media.alignment import FACES
from adapter.media.examples import FOLDER
from adapter.service.requests import DONE, INVERTING, InvertResult, Update
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui import portrait_html
from adapter.ui.tabs import films, person_panel, you
from adapter.ui.tabs.you import CLOSE, CLOSEST, QUICK, YouTab

VISITOR = SimpleNamespace(session_hash="visitor")
PATIENCE = 120.0


@pytest.fixture
def found(tmp_path: Path) -> InvertResult:
    for name in ("portrait.png", "render.png"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / "person.safetensors").write_bytes(b"weights")
    files = (str(tmp_path / name) for name in ("person.safetensors", "portrait.png", "render.png"))
    return InvertResult(*files, yaw=0.2, pitch=-0.1, steps=7, distance=0.25)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch, found: InvertResult) -> list:
    """What the tab asks for; every inversion ends at once."""
    seen: list = []
    preview = np.zeros((32, 64, 3), np.uint8)

    def invert(request):
        seen.append(request)
        yield Update(INVERTING, 0, 5, preview=preview)
        yield Update(DONE, message="Here you are.", found=found)

    monkeypatch.setattr(you, "invert_job", invert)
    return seen


@pytest.fixture
def tab(tmp_path: Path, requests: list) -> YouTab:
    with gr.Blocks():
        tab = YouTab(Settings(base="heads", encoder="clip-heads"), Visitors(Sessions(tmp_path)), gr.State([]))
        tab.layout()
        tab.connect()
    return tab


def ended(tab: YouTab) -> dict:
    """What the page shows when the job has ended."""
    limit = time.monotonic() + PATIENCE
    while not tab.visitors.of("visitor").inversion.ended:
        assert time.monotonic() < limit
        time.sleep(0.01)
    return tab.follow("", VISITOR)


def test_a_portrait_is_found_reconstructed_and_shown(tab: YouTab, requests: list, found: InvertResult) -> None:
    received = tab.input.receive(str(FOLDER / "astronaut.jpg"), VISITOR)
    sitter = received[tab.input.sitter]
    assert sitter.crop.found
    assert "levelled" in received[tab.input.cropped]
    tab.start({tab.input.sitter: sitter, tab.how: CLOSEST}, VISITOR)
    shown = ended(tab)
    (request,) = requests
    assert (request.steps, request.tuning) == you.PLANS[CLOSEST]
    assert request.portrait.shape[2] == 3
    assert request.yaw == pytest.approx(0, abs=0.15)
    assert shown[tab.panel.person] == found.person
    assert shown[tab.panel.yaw] == 11
    assert "Here you are." in shown[tab.note]
    assert "LPIPS 0.25" in shown[tab.panel.said]
    assert shown[tab.button].interactive
    assert not shown[tab.clock].active


def test_words_change_the_person_where_the_encoder_reads_them(
    tab: YouTab, requests: list, found: InvertResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(you, "text_edit_job", you.invert_job)
    said = {tab.panel.person: found.person, tab.panel.words: "a person with curly hair"}
    assert "reads styles" in tab.start_words(said, VISITOR)[tab.note]
    assert not requests
    tab.settings = Settings(base="heads", encoder="ViT-B-32")
    assert "Write what" in tab.start_words({**said, tab.panel.words: " "}, VISITOR)[tab.note]
    assert "no longer here" in tab.start_words({**said, tab.panel.person: ""}, VISITOR)[tab.note]
    tab.start_words(said, VISITOR)
    shown = ended(tab)
    (request,) = requests
    assert (request.person, request.prompt) == (found.person, "a person with curly hair")
    assert shown[tab.panel.person] == found.person


def test_an_edit_by_words_is_not_called_a_likeness(tab: YouTab, found: InvertResult) -> None:
    edited = dataclasses.replace(found, words="<b>curly</b>")
    said = tab.panel.show(edited)[tab.panel.said]
    assert "&lt;b&gt;curly" in said
    assert "person before" in said
    assert "likeness" not in said


def test_without_a_portrait_nothing_starts(tab: YouTab, requests: list) -> None:
    shown = tab.start({tab.input.sitter: None, tab.how: QUICK}, VISITOR)
    assert "Bring a portrait first" in shown[tab.note]
    assert not requests


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x00\x00\x00\x18ftypheic" + bytes(90)])
def test_what_is_no_picture_is_a_sentence(tab: YouTab, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.jpg").write_bytes(content)
    shown = tab.input.receive(str(tmp_path / "bad.jpg"), VISITOR)
    assert shown[tab.input.sitter] is None
    assert "problem" in shown[tab.input.cropped]


def test_without_a_face_the_square_is_opened_with_an_outline(tab: YouTab, tmp_path: Path) -> None:
    Image.fromarray(np.full((200, 200, 3), 120, np.uint8)).save(tmp_path / "wall.png")
    shown = tab.input.receive(str(tmp_path / "wall.png"), VISITOR)
    assert shown[tab.input.square].open
    sitter = shown[tab.input.sitter]
    assert not sitter.faces
    moved = tab.input.move(sitter, 60, 40, 50, 5)
    crop = moved[tab.input.sitter].crop
    assert (crop.side, crop.x) == (pytest.approx(0.6), pytest.approx(0.4))
    picture = np.full((176, 176, 3), 120, np.uint8)
    assert (portrait_html.with_outline(picture, FACES) != picture).any()
    assert (picture == 120).all()


def test_a_second_portrait_waits_for_the_first(tab: YouTab) -> None:
    sitter = tab.input.receive(str(FOLDER / "astronaut.jpg"), VISITOR)[tab.input.sitter]
    visitor = tab.visitors.of("visitor")
    tab.visitors.queue.enqueue("somebody", "else", 10)
    tab.start({tab.input.sitter: sitter, tab.how: CLOSE}, VISITOR)
    again = tab.start({tab.input.sitter: sitter, tab.how: CLOSE}, VISITOR)
    assert "still running" in again[tab.note]
    stopped = tab.stop("", VISITOR)
    assert "Stopped before it began" in stopped[tab.note]
    assert visitor.inversion.ended


def test_the_view_asks_for_world_edits_and_camera(tab: YouTab, found: InvertResult, monkeypatch) -> None:
    seen = []
    picture = np.zeros((8, 8, 3), np.uint8)
    monkeypatch.setattr(person_panel, "render_pair", lambda request: seen.append(request) or (picture, picture))
    panel = tab.panel
    values = {panel.user_domains: [], **{control: control.value for control in panel.controls}}
    values |= {panel.person: found.person, panel.yaw: 30, panel.sliders["smile"]: 1.5, panel.world: "toon"}
    shown = panel.look(values)
    assert "img" in shown[panel.picture]
    (request,) = seen
    assert request.edits == {"smile": 1.5}
    assert request.yaw == pytest.approx(0.5236, abs=1e-3)
    assert request.mix[0][0].endswith("toon.safetensors")
    gone = panel.look({**values, panel.person: found.person + "-gone"})
    assert "no longer here" in gone[panel.note]
    assert panel.look({**values, panel.person: ""}) == {panel.note: ""}


def test_edits_are_undone(tab: YouTab) -> None:
    assert {"smile", "mouth_open", "age", "sex", "glasses"} <= set(tab.panel.sliders)
    undone = tab.panel.undo()
    assert all(undone[slider] == 0 for slider in tab.panel.sliders.values())


def test_a_file_of_a_person_opens(tab: YouTab, found: InvertResult, monkeypatch) -> None:
    def accept(path, folder, settings):
        if "good" not in path:
            raise UserError("This is no person.")
        return Path(found.person)

    monkeypatch.setattr(you, "accept_person", accept)
    shown = tab.receive("good.safetensors", VISITOR)
    assert shown[tab.panel.person] == found.person
    assert "no person" in tab.receive("bad.safetensors", VISITOR)[tab.note]


def test_a_reload_shows_the_person_again_and_expiry_is_told(tab: YouTab, found: InvertResult) -> None:
    sitter = tab.input.receive(str(FOLDER / "astronaut.jpg"), VISITOR)[tab.input.sitter]
    tab.start({tab.input.sitter: sitter, tab.how: QUICK}, VISITOR)
    ended(tab)
    job = tab.visitors.of("visitor").inversion
    assert tab.restore(job)[tab.panel.person] == found.person
    Path(found.person).unlink()
    assert tab.restore(job) == {}
    assert tab.restore(None) == {}
    assert "away for too long" in tab.follow("a state", SimpleNamespace(session_hash="another"))[tab.note]


def test_meshes_and_walks_are_of_the_person_as_edited_in_that_world(tab: YouTab, found: InvertResult, monkeypatch):
    panel = tab.panel
    values = {control: control.value for control in panel.controls}
    values |= {panel.person: found.person, panel.user_domains: []}
    slider = next(iter(panel.sliders))
    values[panel.sliders[slider]] = 1.5
    wish = panel._meshes_wanted(values)
    assert wish.arguments == {"person": found.person, "edits": {slider: 1.5}, "mix": ()}
    asked = []
    monkeypatch.setattr(films, "render_file", lambda request: asked.append(request) or iter(()))
    monkeypatch.setattr(person_panel, "running_base", lambda settings: {})
    monkeypatch.setattr(person_panel, "named", lambda *_: found.render)
    list(panel.make_walk(values, VISITOR))
    assert asked[0].person == found.person
    assert dict(asked[0].edits) == {slider: 1.5}
    (Path(found.person)).unlink()
    with pytest.raises(UserError, match="no longer here"):
        panel._meshes_wanted(values)
