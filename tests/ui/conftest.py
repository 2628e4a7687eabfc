"""The app as a process of its own, and a browser that may talk to nobody else.

The app runs on a tiny generator of random weights, made here, so that whole jobs take seconds; its CLIP is the
embedded one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.app import App, running_app

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
LIBRARY = """
bases:
  - {name: tiny, title: Tiny, licence: CC0-1.0, encoder: clip-heads, path: tiny}
domains:
  - {name: first-world, title: First world, base: tiny, licence: CC0-1.0, path: first-world.safetensors}
  - {name: second-world, title: Second world, base: tiny, licence: CC0-1.0, path: second-world.safetensors}
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library file with the base ``tiny`` and two domains of it."""
    import torch

    from adapter.adaptation import Domain, DomainMetadata, fingerprint
    from adapter.eg3d import Eg3d
    from tests.helpers.tiny_base import CONFIG

    folder = tmp_path_factory.mktemp("library")
    torch.manual_seed(0)
    base = Eg3d(CONFIG)
    base.save_pretrained(folder / "tiny")
    base = Eg3d.from_pretrained(folder / "tiny")
    for seed, name in enumerate(("first-world", "second-world")):
        random = torch.Generator().manual_seed(seed)
        changed = {
            key: value + 0.5 * torch.randn(value.shape, generator=random)
            for key, value in base.parts().named_parameters()
            if key.startswith("superresolution") and key.endswith("weight")
        }
        about = DomainMetadata("tiny", fingerprint(base), "3d-adapter", license="CC0-1.0")
        Domain.between(base.parts(), changed, about).save(folder / f"{name}.safetensors")
    (folder / "library.yaml").write_text(LIBRARY, encoding="utf-8")
    return folder / "library.yaml"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[App]:
    environment = {"LIBRARY": str(library), "BASE": "tiny", "ENCODER": "clip-heads"}
    with running_app(tmp_path_factory.mktemp("app"), **environment) as app:
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
