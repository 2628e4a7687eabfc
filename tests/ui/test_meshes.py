"""The panel of 3D models: made, stopped, failed, and put away; without a browser and without models."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from adapter.errors import UserError
from adapter.service.requests import Update
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.service.shape_requests import MeshRequest
from adapter.service.visitors import Visitors
from adapter.ui.tabs import meshes
from adapter.ui.tabs.meshes import STOPPED, MeshPanel, MeshWish

VISITOR = SimpleNamespace(session_hash="visitor")
NAMES = ("source.glb", "target.glb", "source.ply", "target.ply")


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeshPanel:
    monkeypatch.setattr(meshes, "running_base", lambda settings: {})
    with gr.Blocks():
        panel = MeshPanel(Settings(), Visitors(Sessions(tmp_path)), "test", lambda values: MeshWish({}, "Bronze", 7))
        panel.layout()
        panel.connect({gr.Textbox()})
    return panel


def write(request: MeshRequest, names: tuple[str, ...] = NAMES) -> Iterator[Update]:
    yield Update("Reading the shape", fraction=0.3)
    files = [Path(request.folder) / name for name in names]
    for file in files:
        file.write_bytes(b"mesh")
    yield Update("Writing the files", fraction=1.0, files=tuple(map(str, files)))


def file_of(component: gr.components.Component) -> str:
    value = component.value
    return Path(value["path"] if isinstance(value, dict) else value).name


def test_models_stand_beside_each_other_and_files_have_telling_names(panel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(meshes, "mesh_job", write)
    seen = list(panel.make({}, VISITOR))
    assert set().union(*seen) <= set(panel.components)
    assert "Reading the shape" in "".join(str(outputs.get(panel.status)) for outputs in seen)
    last = seen[-1]
    assert [model.visible for model in map(last.get, panel.models)] == [True, True]
    shown = panel.present(last[panel.made])
    assert [Path(shown[model]).name for model in panel.models] == ["source.glb", "target.glb"]
    for button, name in zip(panel.files, NAMES, strict=True):
        assert re.fullmatch(rf"bronze-seed-7-\d{{8}}-\d{{6}}-{name}", file_of(last[button]))
    assert last[panel.make_button].interactive
    assert last[panel.job] == ""
    assert panel.visitors.films.position(seen[0][panel.job]) is None


def test_without_a_target_its_place_is_empty(panel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(meshes, "mesh_job", lambda request: write(request, ("source.glb", "source.ply")))
    last = list(panel.make({}, VISITOR))[-1]
    assert [last[model].visible for model in panel.models] == [True, False]
    assert [last[button].visible for button in panel.files] == [True, False, True, False]
    assert [bool(file) for file in panel.present(last[panel.made]).values()] == [True, False]


def test_stop_ends_the_job_and_shows_nothing(panel, monkeypatch: pytest.MonkeyPatch):
    closed = []

    def endless(request: MeshRequest) -> Iterator[Update]:
        try:
            while True:
                yield Update("Reading the shape")
        finally:
            closed.append(request.folder)

    monkeypatch.setattr(meshes, "mesh_job", endless)
    running = panel.make({}, VISITOR)
    folder = next(running)[panel.job]
    next(running)
    assert not panel.stop(folder)[panel.stop_button].interactive
    rest = list(running)
    assert STOPPED in str(rest[-1][panel.status])
    assert rest[-1][panel.make_button].interactive
    assert closed == [folder]
    assert set(panel.present(rest[-1][panel.made]).values()) == {None}
    assert panel.visitors.films.position(folder) is None


def test_a_failure_is_a_sentence_and_the_button_works_again(panel, monkeypatch: pytest.MonkeyPatch):
    def fail(request: MeshRequest) -> Iterator[Update]:
        yield Update("Reading the shape")
        raise UserError("This person has no surface at that level. Choose a lower one.")

    monkeypatch.setattr(meshes, "mesh_job", fail)
    seen, running = [], panel.make({}, VISITOR)
    with pytest.raises(gr.Error, match="no surface"):
        seen.extend(running)  # the list keeps what came before the error
    assert seen[-1][panel.make_button].interactive
    assert seen[-1][panel.status] == ""


def test_another_result_puts_the_models_away(panel):
    shown = panel.offer(True)
    assert set(shown) <= set(panel.components)
    assert shown[panel.column].visible
    assert all(shown[model] is None for model in panel.models)
    assert not panel.offer(False)[panel.column].visible
