"""What a visitor may expect of the page: early answers, still videos, pauses, names of files, and honest copying."""

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAUSED = "selector => document.querySelector(selector).paused"
CANNOT_COPY = """
() => {
  Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true});
  document.execCommand = () => RESULT;
}
"""


def fill(page, selector: str, text: str) -> None:
    page.locator(selector).fill(text)
    page.keyboard.press("Tab")


def write_prompt(page, text: str) -> None:
    page.get_by_role("tab", name="Words", exact=True).click()
    fill(page, "#prompt textarea", text)


def make(page, steps: int = 2) -> None:
    page.locator("#advanced > button").click()
    fill(page, "#steps input", str(steps))
    page.get_by_role("button", name="Adapt", exact=True).click()
    page.get_by_role("button", name="Adapting…").wait_for()
    page.get_by_role("button", name="Adapt", exact=True).wait_for(timeout=300_000)
    page.locator("#orbit video").wait_for()


def test_words_are_judged_when_they_are_written(visit):
    page = visit(390, 844)
    write_prompt(page, "eine Bronzestatue, 8k")
    page.locator("#reading .note", has_text="a bronze statue").wait_for()
    write_prompt(page, "a mountain of gold coins")
    page.locator("#reading .problem", has_text="gold").wait_for()
    page.locator("#chips button").first.click()
    page.wait_for_function("document.querySelector('#reading').innerText.trim() === ''")


def test_a_job_that_is_too_long_is_told_before_and_at_the_press(visit):
    page = visit(390, 844)
    write_prompt(page, "a zombie")
    assert re.search(r"About \d+ s", page.locator("#estimate").inner_text())
    page.locator("#advanced > button").click()
    for selector, value, said in (("#steps", "10000", "at most 23"), ("#domain-seed", "99999999999", "seed")):
        fill(page, f"{selector} input", value)
        page.locator("#estimate .problem", has_text=said).wait_for()
        page.get_by_role("button", name="Adapt", exact=True).click()
        page.locator("#note .problem", has_text=said).wait_for()
        assert page.get_by_role("button", name="Adapt", exact=True).is_enabled()
        fill(page, "#steps input", "2")


def test_a_video_can_be_paused_or_kept_still_and_downloads_have_names_of_their_own(visit):
    page = visit()
    names = set()
    write_prompt(page, "a zombie")
    page.locator("#advanced > button").click()
    fill(page, "#domain-seed input", "7")
    page.locator("#advanced > button").click()
    for run in range(2):
        if run:
            page.locator("#advanced > button").click()
        make(page)
        for button in ("video", "sheet", "domain", "all"):
            with page.expect_download() as waiting:
                page.locator(f"#download-{button}").click()
            names.add(waiting.value.suggested_filename)
    assert len(names) == 8
    assert all(re.match(r"a-zombie-seed-7-\d{8}-\d{6}-", name) for name in names), names
    page.wait_for_function("!document.querySelector('#orbit video').paused")
    page.locator("#orbit video").click()
    page.wait_for_function("document.querySelector('#orbit video').paused")

    page.emulate_media(reduced_motion="reduce")
    page.reload()
    page.locator("#orbit video").wait_for()
    page.wait_for_function("document.querySelector('#orbit video').readyState >= 2")
    page.wait_for_timeout(1500)
    assert page.evaluate(PAUSED, "#orbit video")
    page.locator("#orbit video").click()
    page.wait_for_function("!document.querySelector('#orbit video').paused")


def test_copying_without_https_works_or_says_that_it_does_not(visit):
    page = visit()
    page.get_by_role("tab", name="Explore", exact=True).click()
    for worked, said in (("true", "in the clipboard"), ("false", "copy it there")):
        page.evaluate(CANNOT_COPY.replace("RESULT", worked))
        page.locator("#copy-link").click()
        page.locator("#copied", has_text=said).wait_for()
