"""Every control works after every way of getting a result."""

from pathlib import Path

import pytest

from .test_browser import (
    JOB_MS,
    choose,
    open_tab,
    pick_example,
    press_adapt,
    press_every_control,
    set_steps,
    wait_for_change,
    wait_for_results,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def press_every_control_of_explore(page) -> None:
    page.locator("#view img").first.wait_for()
    target = "#view figure:nth-of-type(2) img"
    for slider in ("#yaw", "#pitch", "#zoom"):
        page.wait_for_timeout(500)
        before = page.locator(target).get_attribute("src")
        page.locator(f"{slider} input[type=range]").press("ArrowRight")
        wait_for_change(page, target, before)
    for button, made in (("#explore-orbit", "#film video"), ("#explore-grid", "#sheet img")):
        page.locator(button).click()
        page.locator(made).wait_for()
    assert page.locator(".notice.problem").count() == 0


def press_every_control_of_a_result_without_a_domain(page, downloads: tuple[str, ...]) -> None:
    page.locator("#grid img").wait_for(timeout=JOB_MS)
    for gone in ("#strength", "#snapshot", "#more-people", "#again", "#open-explore", "#download-domain"):
        assert not page.locator(gone).is_visible()
    page.locator("#slider input").fill("80")
    for button in downloads:
        with page.expect_download() as waiting:
            page.locator(button).click()
        assert Path(waiting.value.path()).stat().st_size > 1000
    page.locator("#grid button[aria-label*=ullscreen]").first.click()
    page.keyboard.press("Escape")
    assert page.locator(".notice.problem").count() == 0


def test_after_words(visit):
    page = visit()
    open_tab(page, "Words")
    page.locator("#prompt textarea").fill("a zombie")
    set_steps(page, 4)
    press_adapt(page)
    wait_for_results(page)
    press_every_control(page)


def test_after_a_stop_within_the_first_steps(visit):
    page = visit()
    pick_example(page, "Mona Lisa")
    choose(page, "Full")
    press_adapt(page)
    page.wait_for_function("/step [1-9]/.test(document.querySelector('#status').innerText)")
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_results(page)
    assert "What was learned so far is kept" in page.locator("#note").inner_text()
    press_every_control(page)


def test_after_a_method_that_paints_every_frame(visit, tmp_path: Path):
    page = visit()
    pick_example(page, "Mona Lisa")
    page.locator("#advanced > button").click()
    page.locator("#method input").click()
    page.get_by_role("option", name="frame by frame").click()
    page.get_by_label("Steps").fill("2")
    page.keyboard.press("Tab")
    press_adapt(page)
    wait_for_results(page)
    press_every_control_of_a_result_without_a_domain(page, ("#download-video", "#download-sheet", "#download-all"))
    page.locator("#orbit video").evaluate("video => { video.muted = true; return video.play() }")
    page.wait_for_function("document.querySelector('#orbit video').currentTime > 0.2")
    page.reload()
    wait_for_results(page)
    press_every_control_of_a_result_without_a_domain(page, ("#download-video",))
    page.locator("#advanced > button").click()
    page.get_by_label("Steps").fill("100")
    page.keyboard.press("Tab")
    press_adapt(page)
    page.wait_for_function("/step [1-9]/.test(document.querySelector('#status').innerText)", timeout=JOB_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Adapt", exact=True).wait_for(timeout=JOB_MS)
    press_every_control_of_a_result_without_a_domain(page, ("#download-sheet", "#download-all"))


def test_after_an_upload(visit, library: Path):
    page = visit(query="&tab=library")
    page.locator("#upload-domain input[type=file]").set_input_files(library.with_name("first-world.safetensors"))
    page.locator("#mine button").click()
    page.wait_for_function("document.querySelector('#world input')?.value === 'First world (yours)'")
    press_every_control_of_explore(page)


def test_after_a_link(visit):
    page = visit(query="&domain=second-world&seed=7")
    press_every_control_of_explore(page)
