"""What the page is made of, without a browser."""

import json
import re
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from adapter.media.images import load_image
from adapter.service.plans import PAGE_PRESETS, presets
from adapter.service.requests import DONE, Update
from adapter.service.sessions import Sessions
from adapter.ui import fragments
from adapter.ui.page import build, serving
from adapter.ui.references import FOLDER, references


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> gr.Blocks:
    return build(Sessions(tmp_path_factory.mktemp("sessions")))


def test_every_reference_is_described_and_small():
    files = {path.name for path in FOLDER.iterdir() if path.suffix in (".jpg", ".png") and path.stem != "showcase"}
    assert {reference.file for reference in references()} == files
    told = (FOLDER / "README.md").read_text(encoding="utf-8")
    for reference in references():
        assert all((reference.title, reference.alt, reference.origin, reference.licence))
        assert reference.path.stat().st_size < 300_000
        height, width, _ = load_image(reference.path).shape
        assert height == width >= 256
        assert reference.file in told


def test_only_the_page_itself_can_call_its_handlers(blocks: gr.Blocks):
    assert blocks.get_api_info()["named_endpoints"] == {}


def test_one_adaptation_runs_at_a_time_beside_quick_answers(blocks: gr.Blocks):
    slow = [fn for fn in blocks.fns.values() if fn.concurrency_id == "adapt"]
    assert [fn.concurrency_limit for fn in slow] == [1]


def test_the_page_is_served_in_private(monkeypatch: pytest.MonkeyPatch):
    for name in ("SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    options = serving()
    assert (options["server_name"], options["server_port"]) == ("127.0.0.1", 7860)
    assert not any(options[name] for name in ("run_history", "enable_monitoring", "ssr_mode", "share"))
    assert options["max_file_size"] == "10mb"
    monkeypatch.setenv("SPACE_ID", "someone/something")
    assert serving()["server_name"] == "0.0.0.0"


def test_nothing_on_the_page_points_to_another_host(blocks: gr.Blocks):
    options = serving()
    css = Path(options["css_paths"]).read_text(encoding="utf-8") + options["theme"]._get_theme_css()
    shown = [component["props"].get("value") for component in blocks.get_config_file()["components"]]
    assert not re.search(r"https?://(?!www\.w3\.org/)|@import", css)
    assert not re.search("https?://", json.dumps(shown, default=str))


def test_presets_say_how_long_they_take(blocks: gr.Blocks):
    offered = [presets("3d-adapter")[name] for name in PAGE_PRESETS]
    seconds = [preset.seconds for preset in offered]
    assert seconds == sorted(seconds)
    config = json.dumps(blocks.get_config_file(), default=str, ensure_ascii=False)
    assert all(preset.title in config for preset in offered)


def test_progress_tells_step_time_and_share():
    text = fragments.progress(Update("G2", 45, 680, 31.6, 0.4))
    assert "step 45 of 680" in text
    assert "about 32 s left" in text
    assert 'aria-valuenow="40"' in text
    assert "min left" in fragments.progress(Update("G2", 1, 2, 200.0, 0.1))
    assert "left" not in fragments.progress(Update("G2", 1, 2, None, 0.1))
    assert "left" not in fragments.progress(Update(DONE, seconds_left=0.0, fraction=1.0))


def test_what_people_type_cannot_become_markup():
    assert "<script>" not in fragments.notice("<script>alert(1)</script>", "problem")
    assert "<b>" not in fragments.progress(Update("<b>", 1, 2))
    settings = {"preset": "<i>", "steps": 1, "seed": 1, "strength": 1, "base": "<u>", "prompt": "<b>"}
    assert not re.search("<[biu]>", fragments.summary(settings))
    assert "<b>" not in fragments.chips(["<b>"])
    assert fragments.notice("") == ""


def test_pictures_in_fragments_are_complete_and_described():
    text = fragments.live(np.zeros((64, 96, 3), np.uint8))
    assert "data:image/jpeg;base64," in text
    assert "alt=" in text
    gallery = fragments.gallery(references())
    assert gallery.count("<button") == gallery.count("alt=") == len(references())


def test_the_icon_is_a_picture():
    with Image.open(serving()["favicon_path"]) as icon:
        assert icon.size == (64, 64)
