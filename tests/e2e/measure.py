"""Times of the page as a visitor's browser sees them: ``python -m tests.e2e.measure``.

Starts the app offline, opens it in Chromium, and prints the seconds from the start of the process to a page that can be
used, from each click to the first visible change, and of whole runs with both lengths.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.helpers.app import running_app
from tests.ui.conftest import CHROMIUM, FLAGS

WARM_UP = 25_000
"""Milliseconds after which the models are loaded."""
ORBIT = "(document.querySelector('#orbit video')?.currentSrc || null)"
WHOLE_RUN = 600_000
"""Milliseconds after which a whole run is given up."""
CHANGED = """
([selector, before]) => {
  const shown = [...document.querySelectorAll(selector)].map(element => element.currentSrc || element.innerText).join();
  return shown.trim() && shown !== before;
}
"""
SHOWN = "all => all.map(element => element.currentSrc || element.innerText).join()"


def main() -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder), BASE="faces") as app:
        visit(app.url, time.monotonic() - started)


def visit(url: str, served: float) -> None:
    """Open the page, click through it, and print the times."""

    def timed(page: Page, selector: str, act: str, click: Callable[[], object]) -> None:
        before = page.locator(selector).evaluate_all(SHOWN)
        began = time.monotonic()
        click()
        page.wait_for_function(CHANGED, arg=[selector, before])
        say(act, time.monotonic() - began)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        opened = time.monotonic()
        page.goto(url, wait_until="domcontentloaded")
        page.get_by_role("button", name="Adapt", exact=True).wait_for()
        shown = time.monotonic()
        say("process started to first answer", served)
        say("address opened to a page that can be used", shown - opened)
        say("process started to a page that can be used", served + shown - opened)
        example = page.locator("#examples button").first
        timed(page, "#examples [aria-pressed=true]", "click on an example: it is marked", example.click)
        page.wait_for_timeout(WARM_UP)
        timed(
            page,
            "#crop img",
            "click on another example: its head is shown",
            page.locator("#examples button").nth(2).click,
        )
        explore = page.get_by_role("tab", name="Explore")
        timed(page, "#view img", "click on Explore: the first face", explore.click)
        turn = page.locator("#yaw input[type=range]")
        turn.focus()
        for _ in range(3):
            timed(
                page,
                "#view img",
                "slider in Explore let go of: the sharp face",
                lambda: page.keyboard.press("ArrowRight"),
            )
            page.wait_for_timeout(500)
        page.get_by_role("tab", name="Create", exact=True).click()
        adapt = page.get_by_role("button", name="Adapt", exact=True)
        timed(page, "#status", "click on Adapt: its status", adapt.click)
        page.wait_for_timeout(2000)
        stop = page.get_by_role("button", name="Stop", exact=True)
        timed(page, "#stop", "click on Stop: the button's answer", stop.click)
        adapt.wait_for()
        for preset in ("full", "quick"):
            page.locator(f"#preset input[value={preset}]").check()
            # The run before may have left a video, too.
            before = page.evaluate(ORBIT)
            began = time.monotonic()
            adapt.click()
            page.wait_for_function(f"before => ![null, before].includes({ORBIT})", arg=before, timeout=WHOLE_RUN)
            say(f"click on Adapt, {preset}: the orbit video", time.monotonic() - began)
            adapt.wait_for()
        browser.close()


def say(what: str, seconds: float) -> None:
    print(f"{what:<52} {seconds:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
