"""What the page is made of, without a browser."""

import contextlib
import json
import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from adapter.errors import UserError
from adapter.media.examples import FOLDER, examples
from adapter.media.images import load_image
from adapter.methods import METHODS
from adapter.methods.offers import page_presets, presets
from adapter.service.kept_files import MAXIMUM_BYTES
from adapter.service.prompts import check_prompt
from adapter.service.requests import DONE, Update
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.ui import html
from adapter.ui.page import build, serving
from adapter.ui.prompts import PROMPTS
from adapter.ui.tabs.advanced import AdvancedSettings, fitting_method, method_choices
from adapter.ui.tabs.inputs import PICTURE, WORDS
from adapter.ui.url_state import in_range, known_domain


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> gr.Blocks:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Expected .*arguments")  # the inputs of a handler do not fit it
        return build(Settings(), Sessions(tmp_path_factory.mktemp("sessions")))


def test_every_example_is_described_and_small():
    files = {path.name for path in FOLDER.iterdir() if path.suffix in (".jpg", ".png") and path.stem != "showcase"}
    assert {example.file for example in examples()} == files
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for example in examples():
        assert all((example.title, example.alt, example.origin, example.licence))
        assert example.path.stat().st_size < 300_000
        height, width, _ = load_image(example.path).shape
        assert height == width >= 256
        assert example.file in readme


def test_programs_can_call_the_named_endpoints_and_nothing_else(blocks: gr.Blocks):
    endpoints = blocks.get_api_info()["named_endpoints"]
    assert set(endpoints) == {
        "/adapt_from_image",
        "/adapt_from_text",
        "/edit",
        "/edit_by_words",
        "/invert",
        "/list_domains",
        "/mesh",
        "/render_image",
        "/render_orbit",
        "/upload_domain",
        "/walk",
    }
    parameters = {each["parameter_name"]: each for each in endpoints["/adapt_from_text"]["parameters"]}
    assert not parameters["prompt"]["parameter_has_default"]
    assert parameters["truncation"]["parameter_default"] == 0.7
    assert parameters["seed"]["python_type"]["type"] in ("int", "float")
    assert all(endpoint["description"] for endpoint in endpoints.values())


def test_a_newcomer_is_let_in(blocks: gr.Blocks):
    attach = next(fn for fn in blocks.fns.values() if fn.name == "attach")
    shown = attach.fn("a" * 64, SimpleNamespace(session_hash="page", query_params={}))
    assert shown, "Gradio takes nothing for an answer that lacks something"
    assert set(shown) <= set(attach.outputs)
    assert not any("notice problem" in str(value) for value in shown.values())


def test_jobs_wait_for_each_other_in_our_queue_and_not_in_gradios(blocks: gr.Blocks):
    limits: dict[str, set[int]] = {}
    for fn in blocks.fns.values():
        limits.setdefault(fn.concurrency_id, set()).add(fn.concurrency_limit)
    assert limits["adapt"] == {blocks.visitors.queue.capacity + 4}, "one who is refused does not wait for a job"
    assert limits["films"] == {12}
    assert limits["explore"] == {2}


def test_no_error_leaves_any_listener(blocks: gr.Blocks):
    listeners = [fn for fn in blocks.fns.values() if fn.fn is not None]
    assert len(listeners) > 40
    for listener in listeners:
        assert hasattr(listener.fn, "problem"), f"{listener.name} is not decorated with report_errors"
        tab, shown = listener.fn.__self__, {}
        with contextlib.suppress(gr.Error):
            shown = listener.fn.problem(tab, UserError("Try again."))
        assert set(shown) <= set(listener.outputs), f"{listener.name} has no place for its sentence"
        assert all("Try again." in text for text in shown.values())


def test_the_page_is_served_in_private():
    options = serving(Settings.from_environment({}))
    assert (options["server_name"], options["server_port"]) == ("127.0.0.1", 7860)
    assert not any(options[name] for name in ("run_history", "enable_monitoring", "ssr_mode", "share"))
    assert options["max_file_size"] == MAXIMUM_BYTES
    assert serving(Settings.from_environment({"SPACE_ID": "someone/something"}))["server_name"] == "0.0.0.0"


def test_a_machine_that_is_slow_to_answer_itself_serves_the_page(monkeypatch: pytest.MonkeyPatch):
    """Gradio gives a first page 3 s, and would then take localhost for unreachable."""
    monkeypatch.setattr(gr.networking, "url_ok", lambda url: False)
    with gr.Blocks() as small:
        gr.Markdown("Hello")
    try:
        small.launch(**serving(Settings(port=0).with_free_port()), prevent_thread_lock=True, quiet=True)
        assert small.is_running
    finally:
        small.close()


def test_nothing_on_the_page_points_to_another_host(blocks: gr.Blocks):
    options = serving(Settings())
    css = Path(options["css_paths"]).read_text(encoding="utf-8") + options["theme"]._get_theme_css()
    shown = [component["props"].get("value") for component in blocks.get_config_file()["components"]]
    assert not re.search(r"https?://(?!www\.w3\.org/)|@import", css)
    loaded = re.sub(r"""href=\\?["']https?://|>[^<]*https?://""", "", json.dumps(shown, default=str))
    assert not re.search("https?://", loaded)


def test_presets_say_how_long_they_take(blocks: gr.Blocks):
    offered = [presets("3d-adapter")[name] for name in page_presets("3d-adapter")]
    seconds = [preset.seconds for preset in offered]
    assert seconds == sorted(seconds)
    config = json.dumps(blocks.get_config_file(), default=str, ensure_ascii=False)
    assert all(f"{preset.title} · {preset.seconds} s" in config for preset in offered)


def test_prompts_on_the_chips_are_understood():
    for prompt in PROMPTS:
        assert check_prompt(prompt, "clip-heads") == "", prompt
    with pytest.raises(UserError, match="Try: "):
        check_prompt("a golden retriever in a garden", "clip-heads")


def test_the_controls_of_a_method_become_its_plan(blocks: gr.Blocks):
    with gr.Blocks():
        controls = AdvancedSettings(Settings(), gr.HTML())
        controls.layout()
    values = {component: component.value for component in controls.components}
    read = controls.read(values)
    assert (read["method"], read["weights"], read["steps"], read["parts"]) == ("3d-adapter", {}, None, None)
    values |= {controls.steps: 50, controls.losses["directional"]: 0.5, controls.parts: ["superresolution"]}
    changed = controls.read(values)
    assert (changed["weights"], changed["steps"], changed["parts"]) == ({"directional": 0.5}, 50, ("superresolution",))
    values[controls.seed] = None
    with pytest.raises(UserError, match="whole number"):
        controls.read(values)


def test_every_method_has_an_entrance():
    by_image, by_text = ({name for _, name in method_choices(kind)} for kind in (PICTURE, WORDS))
    assert by_image | by_text == set(METHODS)
    assert fitting_method("finetune", WORDS) in by_text
    assert fitting_method("finetune", PICTURE) == "finetune"


def test_numbers_of_a_link_must_fit_their_controls():
    controls = {"yaw": gr.Slider(-55, 55, 0), "seed": gr.Number(0, minimum=0, maximum=9)}
    assert in_range({"yaw": "20", "seed": "5"}, controls) == {"yaw": 20.0, "seed": 5}
    assert in_range({"yaw": "900", "seed": "x"}, controls) == {}
    assert in_range({"yaw": "nan", "seed": "-1"}, controls) == {}
    assert known_domain(Settings(), "../../etc/passwd") == ""


def test_losses_are_drawn_from_the_first_to_the_last_step():
    text = html.curves([1, 2, 3, 4], {"total": [4.0, 2.0, 1.0, 0.5], "late": [1.0, 0.5]}, 8)
    assert text.count("<polyline") == 2
    assert "12.5,2.0" in text
    assert "50.0,26.5" in text
    assert "25.0" not in text.split("late")[1]


def test_waiting_tells_the_place_in_the_line():
    assert "Starting" in html.waiting(None)
    assert "1 person is before you" in html.waiting((1, 40.0))
    assert "3 people are before you" in html.waiting((3, 90.0))
    assert "about 90 s" in html.waiting((3, 90.0))


def test_progress_tells_step_time_and_share():
    text = html.progress(Update("G2", 45, 680, 31.6, 0.4))
    assert "step 45 of 680" in text
    assert "about 32 s left" in text
    assert 'aria-valuenow="40"' in text
    assert "min left" in html.progress(Update("G2", 1, 2, 200.0, 0.1))
    assert "left" not in html.progress(Update("G2", 1, 2, None, 0.1))
    assert "left" not in html.progress(Update(DONE, seconds_left=0.0, fraction=1.0))


def test_what_people_type_cannot_become_markup():
    assert "<script>" not in html.notice("<script>alert(1)</script>", "problem")
    assert "<b>" not in html.progress(Update("<b>", 1, 2))
    settings = {"preset": "<i>", "steps": 1, "seed": 1, "strength": 1, "base": "<u>", "prompt": "<b>"}
    assert not re.search("<[biu]>", html.summary(settings))
    assert "<b>" not in html.chips(["<b>"])
    assert html.notice("") == ""


def test_pictures_in_html_are_complete_and_described():
    text = html.live(np.zeros((64, 96, 3), np.uint8))
    assert "data:image/jpeg;base64," in text
    assert "alt=" in text
    gallery = html.gallery(examples())
    assert gallery.count("<button") == gallery.count("alt=") == len(examples())


def test_the_icon_is_a_picture():
    with Image.open(serving(Settings())["favicon_path"]) as icon:
        assert icon.size == (64, 64)
