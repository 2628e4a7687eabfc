"""What a visitor uploads and makes goes when the visitor has gone, Gradio's own copies too: over real HTTP."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.app import ROOT, App, running_app
from tests.helpers.page_visitor import PageVisitor
from tests.helpers.tiny_library import make_library, on_tiny_base

pytestmark = pytest.mark.slow
GRACE, PATIENCE = 2.0, 240.0


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    library = make_library(tmp_path_factory.mktemp("library"))
    own = {"GRACE_SECONDS": str(GRACE), **on_tiny_base(library)}
    with running_app(tmp_path_factory.mktemp("app"), small=True, **own) as app:
        yield app


def uploads(app: App) -> list[Path]:
    return [path for path in (app.folder / "uploads").rglob("*") if path.is_file()]


def wait_until_gone(app: App, files: list[Path]) -> None:
    began = time.monotonic()
    while any(path.exists() for path in files):
        assert time.monotonic() - began < PATIENCE, [str(path) for path in files if path.exists()]
        time.sleep(0.5)


def test_all_pictures_of_a_page_go_with_it(app: App, tmp_path: Path):
    before = set(uploads(app))
    visitor = PageVisitor(app.url)
    visitor.open()
    for number in range(2):  # the first one is no longer shown when the visitor goes
        Image.new("RGB", (300, 300), (90 * number, 60, 120)).save(tmp_path / f"mine-{number}.png")
        visitor.set("picture", visitor.upload(tmp_path / f"mine-{number}.png"))
        visitor.fire("picture", "upload")
    visitor.set("more", [visitor.upload(tmp_path / "mine-0.png")])
    visitor.fire("more", "upload")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    visitor.set("picture", visitor.upload(bad))
    visitor.fire("picture", "upload")
    visitor.set("upload-domain", visitor.upload(bad))
    with pytest.raises(Exception, match="Choose a file of this type"):
        visitor.fire("upload-domain", "upload")
    mine = [path for path in uploads(app) if path not in before]
    assert len(mine) >= 5, "uploads, and Gradio's copies of the pictures that the page showed"
    assert {app.get(f"gradio_api/file={path}")[0] for path in mine} == {200}
    time.sleep(2 * GRACE)
    assert all(path.exists() for path in mine), "an open page keeps its files"
    visitor.leave()
    wait_until_gone(app, mine)
    assert set(uploads(app)) <= before
    assert {app.get(f"gradio_api/file={path}")[0] for path in mine} <= {403, 404}


def test_what_a_program_sent_and_got_goes_too(app: App):
    before = set(uploads(app))
    with (ROOT / "examples" / "zombie.jpg").open("rb") as file:
        sent = PageVisitor(app.url).client.post("gradio_api/upload", files={"files": ("mine.jpg", file)}).json()[0]
    picture = {"path": sent, "meta": {"_type": "gradio.FileData"}}
    refused = app.call("adapt_from_image", picture, "no such method", "", 0, 0, 1.0, 0.7)
    assert "no method named" in refused
    shown = app.call("render_image", None, "", 1, 0.7, 1.0, 0.0, 0.0, 1.0)
    made = Path(json.loads(shown.split("data: ")[-1])[0]["path"])
    mine = [path for path in uploads(app) if path not in before]
    assert {Path(sent), made} <= set(mine)
    wait_until_gone(app, mine)
    assert not [path for path in app.session_files if "view-" in path.name]
