"""The page as visitors meet it, in a real browser."""

import time
import urllib.parse
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from adapter.adaptation.domain import Domain
from tests.helpers.page_actions import (
    CONTRASTS,
    JOB_MS,
    UNDESCRIBED,
    download,
    open_tab,
    overflow,
    pick_example,
    press_adapt,
    press_every_control,
    press_every_control_of_explore,
    set_steps,
    wait_for_change,
    wait_for_preview,
    wait_for_results,
)

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_style_becomes_a_world(visit, server, tmp_path: Path):
    others = set(server.session_files)
    page = visit()
    pick_example(page, "Mona Lisa")
    set_steps(page, 6)
    press_adapt(page)
    page.locator("#status .progress").wait_for()
    first = wait_for_preview(page)
    page.locator("#status", has_text="step").wait_for()
    wait_for_preview(page, other_than=first)
    page.locator("#curves svg").first.wait_for()
    assert page.locator("#live img").get_attribute("alt")
    wait_for_results(page)
    assert not page.locator("#status .progress").is_visible()

    page.wait_for_function(
        "() => { const v = document.querySelector('#orbit video'); return v.readyState >= 2 && v.videoWidth > 0 }"
    )
    assert page.evaluate("document.querySelector('#orbit video').error") is None
    assert page.evaluate("document.querySelector('#orbit video').loop")
    page.evaluate("() => { const v = document.querySelector('#orbit video'); v.muted = true; return v.play() }")
    page.wait_for_function("document.querySelector('#orbit video').currentTime > 0.2")
    assert page.evaluate(UNDESCRIBED) == []
    assert page.evaluate(CONTRASTS) == []
    page.locator("#slider input").fill("80")
    assert page.locator("#slider .compare").evaluate("e => e.style.getPropertyValue('--edge')") == "80%"
    assert page.evaluate("document.querySelector('#grid img').naturalWidth") > 1000

    before = page.locator("#slider .over").get_attribute("src")
    page.locator("#snapshot input[type=range]").press("ArrowLeft")
    wait_for_change(page, "#slider .over", before)
    domain = Domain.load(download(page, "#download-domain", tmp_path))
    assert domain.metadata.method == "3d-adapter"
    assert len(domain.metadata.settings["stages"]) == 2
    with zipfile.ZipFile(download(page, "#download-all", tmp_path)) as archive:
        assert archive.testzip() is None
        assert {"orbit.mp4", "person-1.mp4", "person-3.mp4", "grid.png", "domain.safetensors"} <= set(
            archive.namelist()
        )
    press_every_control(page)
    open_tab(page, "Library")
    page.locator("#mine button").first.wait_for()

    mine = set(server.session_files) - others
    assert any(path.name == "orbit.mp4" for path in mine)
    for path in mine:
        assert server.get(f"gradio_api/file={urllib.parse.quote(str(path))}")[0] in (403, 404)
    other = visit(stranger=True)
    assert other.locator("#orbit video").count() == 0
    other.close()
    assert mine <= set(server.session_files), "a leaving visitor took another's files"
    page.close()
    time.sleep(2)
    assert mine <= set(server.session_files), "files are kept for some minutes, so that the visitor may come back"


def test_a_bad_file_gets_a_sentence_and_the_page_goes_on(visit, tmp_path: Path):
    page = visit()
    bad = tmp_path / "picture.png"
    bad.write_bytes(b"<!doctype html><p>not a picture")
    page.locator("#picture input[type=file]").set_input_files(bad)
    notice = page.locator("#crop .notice")
    notice.wait_for()
    assert "not a picture" in notice.inner_text()
    assert page.locator("#picture img").count() == 0
    page.locator("#picture input[type=file]").set_input_files(EXAMPLES / "astronaut.jpg")
    page.locator("#crop img").wait_for()
    page.locator("#picture img").wait_for()


def test_words_are_understood_before_time_is_spent(visit):
    page = visit()
    open_tab(page, "Words")
    page.locator("#prompt textarea").fill("a golden retriever in a garden")
    press_adapt(page)
    notice = page.locator("#note .notice")
    notice.wait_for()
    assert "does not understand" in notice.inner_text()
    assert page.get_by_role("button", name="Adapt", exact=True).is_enabled()
    page.locator("#chips").get_by_role("button", name="a zombie").click()
    notice.wait_for(state="hidden")
    assert page.locator("#prompt textarea").input_value() == "a zombie"
    set_steps(page, 4)
    press_adapt(page)
    wait_for_results(page)
    assert "a zombie" in page.locator("#settings").inner_text()
    press_every_control(page)


def test_a_ready_domain_is_shown(visit):
    page = visit()
    open_tab(page, "Ready-made")
    page.locator("#ready").get_by_role("button", name="First world").click()
    page.locator("#ready button[aria-pressed=true]").wait_for()
    press_adapt(page)
    wait_for_results(page)
    assert page.locator("#download-domain").is_visible()
    press_every_control(page)


def test_a_link_opens_the_view_it_names_and_sliders_move_it(visit):
    page = visit(query="&domain=second-world&seed=7&yaw=20")
    page.locator("#view img").first.wait_for()
    assert page.locator("#yaw input[type=range]").input_value() == "20"
    page.wait_for_function("document.querySelector('#world input')?.value === 'Second world'")
    press_every_control_of_explore(page)
    target = "#view figure:nth-of-type(2) img"
    before = page.locator(target).get_attribute("src")
    page.locator("#someone").click()
    wait_for_change(page, target, before)
    page.wait_for_function("new URLSearchParams(location.search).get('seed') !== '7'")
    assert "domain=second-world" in page.url
    assert "yaw=21" in page.url
    page.locator("#explore-walk").click()
    page.locator("#film video").wait_for(timeout=JOB_MS)
    assert page.evaluate(UNDESCRIBED) == []


def test_the_library_takes_good_files_and_refuses_others(visit, library: Path, tmp_path: Path):
    page = visit(query="&tab=library")
    page.locator("#library button").first.wait_for()
    page.get_by_label("Search").fill("second")
    page.wait_for_function("document.querySelectorAll('#library button').length === 1")
    page.get_by_label("Search").fill("nothing like it")
    page.locator("#library", has_text="No domain fits").wait_for()
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"PK\x03\x04 a zip archive in disguise")
    page.locator("#upload-domain input[type=file]").set_input_files(bad)
    page.locator("#library-note .problem", has_text="zip archive").wait_for()
    page.locator("#upload-domain input[type=file]").set_input_files(library.with_name("first-world.safetensors"))
    page.locator("#mine button").wait_for()
    page.locator("#list-hub").click()
    page.locator("#public .problem", has_text="HF_HUB_OFFLINE").wait_for()
    page.locator("#mine button").click()
    page.wait_for_function("document.querySelector('#world input')?.value === 'First world (yours)'")
    press_every_control_of_explore(page, problems="#explore-note .problem")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_can_be_read_and_is_described(visit, theme: str):
    page = visit(390, 844, theme, "&tab=explore")
    page.get_by_role("tab", name="Explore", exact=True, selected=True).wait_for()
    page.locator("#view img").first.wait_for()
    for tab in ("Explore", "Library", "About", "You", "Create"):
        open_tab(page, tab)
        page.get_by_role("tab", name=tab, exact=True, selected=True).wait_for()
        assert page.evaluate(CONTRASTS) == [], tab
        assert page.evaluate(UNDESCRIBED) == [], tab
        for width in (1280, 768, 390):
            page.set_viewport_size({"width": width, "height": 844})
            assert overflow(page) <= 0, (tab, width)
    page.set_viewport_size({"width": 1280, "height": 900})
    pick_example(page, "Spring")
    page.locator("#advanced button").first.click()
    page.locator("#advanced input[type=range]").first.wait_for()
    assert page.evaluate(CONTRASTS) == []
    assert page.evaluate(UNDESCRIBED) == []


def test_adapt_without_a_picture_says_what_to_do(visit):
    page = visit()
    press_adapt(page)
    page.locator("#note .notice", has_text="Choose a style image first").wait_for()
    assert page.get_by_role("button", name="Adapt", exact=True).is_enabled()
    assert page.locator("#empty").is_visible()
    pick_example(page, "Mona Lisa")
    page.locator("#note .notice").wait_for(state="hidden")


def test_the_square_follows_the_keyboard(visit):
    page = visit()
    page.locator("#examples button").first.focus()
    page.keyboard.press("Enter")
    page.locator("#crop img").wait_for()
    before = page.locator("#crop img").get_attribute("src")
    handle = page.locator("#square button").first
    if (
        handle.get_attribute("aria-expanded") != "true"
        and not page.locator("#square input[type=range]").first.is_visible()
    ):
        handle.press("Enter")
    slider = page.locator("#square input[type=range]").first
    slider.focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function("old => document.querySelector('#crop img').src !== old", arg=before)


def test_another_face_is_chosen_by_a_press(visit, tmp_path: Path):
    page = visit()
    with Image.open(EXAMPLES / "astronaut.jpg") as face:
        both = Image.new("RGB", (912, 512), "gray")
        both.paste(face, (0, 0))
        both.paste(face.resize((400, 400)), (512, 56))
    both.save(tmp_path / "both.png")
    page.locator("#picture input[type=file]").set_input_files(tmp_path / "both.png")
    page.locator("#faces button").nth(1).wait_for()
    before = page.locator("#crop img").get_attribute("src")
    page.locator("#faces button").nth(1).click()
    wait_for_change(page, "#crop img", before)
    page.locator("#faces button:nth-of-type(2)[aria-pressed=true]").wait_for()
    assert page.evaluate(UNDESCRIBED) == []
    pick_example(page, "Mona Lisa")
    page.locator("#faces").wait_for(state="hidden")


def test_files_of_the_server_cannot_be_fetched(server):
    for path in ("/etc/passwd", str(Path(__file__).resolve()), "app.py", f"{server.folder}/log", "../../etc/passwd"):
        assert server.get(f"gradio_api/file={path}")[0] in (400, 403, 404)
