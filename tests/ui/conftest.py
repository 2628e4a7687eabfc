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
)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library file with the base ``tiny`` and two domains of it."""
    return make_library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("app"), **on_tiny_base(library)) as app:
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


@pytest.fixture
def visit(browser, server):
    """Opens the page as a new visitor; afterwards nobody else was asked for anything and no script had failed."""
    contexts, foreign, problems = [], [], []

    def route(route):
        if route.request.url.startswith((server.url, "data:", "blob:")):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    def open_page(width: int = 1280, height: int = 900, theme: str = "light", query: str = ""):
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.route("**/*", route)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{server.url}?__theme={theme}{query}", wait_until="domcontentloaded")
        page.get_by_role("tab", name="Create", exact=True).wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert foreign == []
    assert problems == []
