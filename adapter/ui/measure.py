"""``python -m adapter.ui.measure``: times of the page as a visitor's browser sees them.

Starts the app offline, opens it in Chromium, and prints the seconds from the start of the process to a page that can be
used, from each click to the first visible change, and of a whole run with the default settings. Needs playwright, which
only the development requirements list.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
SERVED_LIMIT = 180.0
WARM_UP = 25_000
"""Milliseconds after which the models are loaded."""
WHOLE_RUN = 600_000
"""Milliseconds after which a run with the default settings is given up."""
_CHANGED = """
([selector, before]) => {
  const shown = [...document.querySelectorAll(selector)].map(element => element.currentSrc || element.innerText).join();
  return shown.trim() && shown !== before;
}
"""
_SHOWN = "all => all.map(element => element.currentSrc || element.innerText).join()"


def main() -> int:
    """Measure and print.

    Returns:
        The exit code: 0, or 2 where no browser is there.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("No Chromium was found. Install it, and try again.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        process, url = _start(folder)
        try:
            _wait_until_served(url, process)
            served = time.monotonic() - started
            _visit(url, chromium, served)
        finally:
            process.terminate()
            process.wait(30)
    return 0


def _visit(url: str, chromium: str, served: float) -> None:
    from playwright.sync_api import Page, sync_playwright

    def timed(page: Page, selector: str, act: str, click: Callable[[], object]) -> None:
        before = page.locator(selector).evaluate_all(_SHOWN)
        began = time.monotonic()
        click()
        page.wait_for_function(_CHANGED, arg=[selector, before])
        _say(act, time.monotonic() - began)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        opened = time.monotonic()
        page.goto(url, wait_until="domcontentloaded")
        page.get_by_role("button", name="Adapt", exact=True).wait_for()
        shown = time.monotonic()
        _say("process started to first answer", served)
        _say("address opened to a page that can be used", shown - opened)
        _say("process started to a page that can be used", served + shown - opened)
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
                "step of a slider in Explore: the next face",
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
        began = time.monotonic()
        adapt.click()
        page.locator("#orbit video").wait_for(timeout=WHOLE_RUN)
        _say("click on Adapt: the orbit video", time.monotonic() - began)
        browser.close()


def _start(folder: str) -> tuple[subprocess.Popen, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "TMPDIR": folder, "HF_HUB_OFFLINE": "1"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
    return process, f"http://127.0.0.1:{port}/"


def _wait_until_served(url: str, process: subprocess.Popen) -> None:
    began = time.monotonic()
    while time.monotonic() - began < SERVED_LIMIT:
        if process.poll() is not None:
            raise RuntimeError("the app ended before it answered")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("the app did not answer")


def _say(what: str, seconds: float) -> None:
    print(f"{what:<52} {seconds:6.2f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
