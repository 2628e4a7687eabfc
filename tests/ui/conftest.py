"""The app as a process of its own, and a browser that may talk to nobody else.

The app runs on a tiny generator of random weights, made here, so that whole jobs take seconds; its CLIP is the
embedded one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.app import App, running_app
from tests.helpers.tiny_library import make_library, on_tiny_base

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
PATIENCE_MS = 240_000
"""How long a test waits for anything on the page; a busy machine is slow."""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library file with the base ``tiny`` and two domains of it."""
    return make_library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("app"), small=True, **on_tiny_base(library)) as app:
        yield app
    errors = re.findall(r"^[\w.]*(?:Error|Exception)\b.*", app.log(), re.MULTILINE)
    assert not errors, "the app logged errors"


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        pytest.skip(f"needs {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def profile(browser):
    """One profile for all tests, as a page whose scripts are in its cache opens several times as fast."""
    context = browser.new_context(accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def context(profile, server):
    """The profile, which remembers nobody; afterwards all pages are closed, and no script had failed."""
    problems: list[str] = []

    def watch(page) -> None:
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: problems.append(str(error)))

    profile.on("page", watch)
    page = profile.new_page()
    page.goto(f"{server.url}theme.css")
    page.evaluate("localStorage.clear()")
    page.close()
    yield profile
    for page in profile.pages:
        page.close()
    profile.remove_listener("page", watch)
    assert problems == []


@pytest.fixture
def visit(context, browser, server):
    """Opens the page; afterwards nobody else was asked for anything."""
    foreign: list[str] = []
    strangers: list = []

    def note(request) -> None:
        if not request.url.startswith((server.url, "data:", "blob:")):
            foreign.append(request.url)

    def open_page(width: int = 1280, height: int = 900, theme: str = "light", query: str = "", stranger: bool = False):
        if stranger:
            strangers.append(browser.new_context())
        page = (strangers[-1] if stranger else context).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.set_viewport_size({"width": width, "height": height})
        page.on("request", note)
        page.goto(f"{server.url}?__theme={theme}{query}", wait_until="domcontentloaded")
        page.get_by_role("tab", name="Create", exact=True).wait_for()
        return page

    yield open_page
    for own in strangers:
        own.close()
    assert foreign == []
