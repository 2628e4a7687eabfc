"""A job belongs to its visitor: reloads, cuts and absences do not touch it."""

import time
from pathlib import Path

import pytest

from tests.helpers.page_actions import open_tab, pick_example, press_adapt, set_steps, wait_for_preview
from tests.helpers.proxy import Proxy, proxy_to

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def proxy(server):
    with proxy_to(server.url) as proxy:
        yield proxy


def open_page(context, url: str):
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(url, wait_until="domcontentloaded")
    page.get_by_role("tab", name="Create", exact=True).wait_for()
    page.wait_for_function("sessionStorage.getItem('adapter-session')")
    return page


def start(page, steps: int = 400) -> None:
    pick_example(page, "Mona Lisa")
    set_steps(page, steps)
    press_adapt(page)


def wait_for_results(page) -> None:
    page.locator("#orbit video").wait_for()
    page.get_by_role("button", name="Adapt", exact=True).wait_for()


def stop(page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()


def step(page) -> int:
    """Of the training, which comes after steps of the preparation."""
    page.locator("#status", has_text="of 400").wait_for()
    return int(page.locator("#status").inner_text().split("step ")[1].split(" of")[0])


def test_a_reload_and_a_closed_tab_find_the_running_job_and_then_its_result(context, server):
    page = open_page(context, server.url)
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    page.reload()
    assert asked == []
    start(page)
    wait_for_preview(page)
    before = step(page)
    page.reload()
    assert asked == ["beforeunload"], "leaving in mid-run is asked about"
    page.locator("#live img").wait_for()
    assert step(page) >= before
    assert page.get_by_role("button", name="Adapting…").is_disabled()
    page.locator("#picture img").wait_for()
    page.locator("#advanced > button").click()
    assert page.get_by_label("Steps").input_value() == "400"
    page.close()
    page = open_page(context, server.url)
    page.locator("#live img").wait_for()
    stop(page)
    wait_for_results(page)
    page.reload()
    wait_for_results(page)
    page.locator("#slider .over").wait_for()
    assert page.locator("#download-domain").is_visible()
    assert page.locator("#settings").inner_text()
    open_tab(page, "Library")
    page.locator("#mine button").first.wait_for()


def test_what_was_typed_but_not_adapted_is_kept(context, server, tmp_path: Path):
    page = open_page(context, server.url)
    pick_example(page, "Mona Lisa")
    page.get_by_role("button", name="More pictures of the same style").click()
    page.locator("#more input[type=file]").set_input_files(EXAMPLES / "bronze.jpg")
    page.locator("#more", has_text="bronze").wait_for()
    set_steps(page, 7)
    page.get_by_role("button", name="Loss weights").click()
    weight = page.get_by_label("number input for Directional")
    weight.fill("0.3")
    page.keyboard.press("Tab")
    open_tab(page, "Words")
    page.locator("#prompt textarea").fill("a jade statue")
    page.wait_for_timeout(2000)
    page.reload()
    page.wait_for_function("document.querySelector('#prompt textarea')?.value === 'a jade statue'")
    assert page.locator("#prompt textarea").is_visible()
    page.locator("#advanced > button").click()
    assert page.get_by_label("Steps").input_value() == "7"
    page.get_by_role("button", name="Loss weights").click()
    assert weight.input_value() == "0.3"
    open_tab(page, "Picture")
    page.locator("#picture img").wait_for()
    page.get_by_role("button", name="More pictures of the same style").click()
    page.locator("#more", has_text="bronze").wait_for()


def test_cuts_in_mid_run_and_afterwards_lose_nothing(context, proxy: Proxy, server):
    page = open_page(context, proxy.url)
    start(page)
    wait_for_preview(page)
    page.evaluate("window.beforeTheCut = true")
    proxy.cut()
    time.sleep(3)
    proxy.mend()
    page.wait_for_function("!window.beforeTheCut")  # Gradio's page reloads itself when the server is back
    page.locator("#status", has_text="of 400").wait_for()
    page.locator("#picture img").wait_for()
    page.wait_for_function("document.querySelector('#adapt').disabled")
    stop(page)
    wait_for_results(page)
    assert page.locator("#note .problem").count() == 0
    files = {path for path in server.session_files if path.exists()}
    proxy.drop()
    time.sleep(4)
    assert files <= set(server.session_files)
    before = page.locator("#grid img").get_attribute("src")
    page.locator("#more-people").click()
    page.wait_for_function("old => document.querySelector('#grid img').src !== old", arg=before)


def test_two_tabs_wait_for_each_other_and_do_not_see_each_other(context, server):
    first, second = open_page(context, server.url), open_page(context, server.url)
    tokens = [page.evaluate("sessionStorage.getItem('adapter-session')") for page in (first, second)]
    assert len({*tokens}) == 2
    assert all(len(token) == 64 for token in tokens)
    start(first, 400)
    wait_for_preview(first)
    start(second, 4)
    second.locator("#status", has_text="1 person is before you").wait_for()
    stop(second)
    second.locator("#note", has_text="before it began").wait_for()
    second.get_by_role("button", name="Adapt", exact=True).wait_for()
    assert first.get_by_role("button", name="Adapting…").is_disabled(), "who stops in the queue need not wait"
    stop(first)
    wait_for_results(first)
    second.reload()
    second.get_by_role("tab", name="Create", exact=True).wait_for()
    second.wait_for_timeout(1500)
    assert not second.locator("#results").is_visible()
    first.reload()
    wait_for_results(first)


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_a_refusal_is_in_view(visit, size: tuple[int, int], tmp_path: Path):
    page = visit(*size)
    bad = tmp_path / "picture.png"
    bad.write_bytes(b"<!doctype html><p>not a picture")
    page.locator("#picture input[type=file]").set_input_files(bad)
    page.locator("#crop .problem").wait_for()
    page.wait_for_timeout(300)
    assert in_view(page, "#crop .problem")
    for _ in range(2):
        page.locator("#adapt").scroll_into_view_if_needed()
        page.locator("#adapt").click()
        page.locator("#note .problem", has_text="Choose a style image").wait_for()
        page.wait_for_timeout(1200)
        assert in_view(page, "#note .problem")


def in_view(page, selector: str) -> bool:
    return page.locator(selector).evaluate(
        "e => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= window.innerHeight }"
    )
