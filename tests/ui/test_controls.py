"""Every control works after results that are not what was asked for: stopped early, or without a domain."""

from pathlib import Path

import pytest

from tests.helpers.page_actions import (
    JOB_MS,
    choose,
    overflow,
    pick_example,
    press_adapt,
    press_every_control,
    wait_for_preview,
    wait_for_results,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STEPPING = "/step [1-9]/.test(document.querySelector('#status').innerText)"


def test_after_a_stop_within_the_first_steps_on_a_phone(visit):
    page = visit(390, 844)
    pick_example(page, "Hokusai")
    choose(page, "Full")
    press_adapt(page)
    wait_for_preview(page)
    assert overflow(page) <= 0
    page.wait_for_function(STEPPING, timeout=JOB_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_results(page)
    note = page.locator("#note").inner_text()
    assert "Stopped at step" in note
    assert "What was learned so far is kept" in note
    assert page.locator("#orbit video").is_visible()
    assert overflow(page) <= 0
    assert page.get_by_role("button", name="Stop", exact=True).is_disabled()
    press_every_control(page)


def test_after_a_method_that_paints_every_frame(visit):
    page = visit()
    pick_example(page, "Mona Lisa")
    page.locator("#advanced > button").click()
    page.locator("#method input").click()
    page.get_by_role("option", name="frame by frame").click()
    set_steps_again(page, 1)
    press_adapt(page)
    wait_for_results(page)
    press_every_control_of_a_result_without_a_domain(page, ("#download-video", "#download-sheet", "#download-all"))
    page.locator("#orbit video").evaluate("video => { video.muted = true; return video.play() }")
    page.wait_for_function("document.querySelector('#orbit video').currentTime > 0.2")
    page.reload()
    wait_for_results(page)
    press_every_control_of_a_result_without_a_domain(page, ("#download-video",))
    page.locator("#advanced > button").click()
    set_steps_again(page, 10)
    press_adapt(page)
    page.wait_for_function(STEPPING, timeout=JOB_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Adapt", exact=True).wait_for(timeout=JOB_MS)
    press_every_control_of_a_result_without_a_domain(page, ("#download-sheet", "#download-all"))


def set_steps_again(page, steps: int) -> None:
    page.get_by_label("Steps").fill(str(steps))
    page.keyboard.press("Tab")


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
