"""Two visitors at once: neither sees the other's files, neither breaks the other's work."""

import json
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import handle_file

from adapter.service.kept_files import MAXIMUM_BYTES
from tests.helpers.app import ROOT, App, running_app
from tests.helpers.tiny_library import make_library, on_tiny_base
from tests.helpers.visitor import Visitor, run_together

pytestmark = pytest.mark.slow
STEPS = 4


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    library = make_library(tmp_path_factory.mktemp("library"))
    with running_app(tmp_path_factory.mktemp("app"), small=True, **on_tiny_base(library)) as app:
        yield app


@pytest.fixture(scope="module")
def alice(app: App, tmp_path_factory: pytest.TempPathFactory) -> tuple[Visitor, tuple[str, ...]]:
    """A visitor with a finished adaptation."""
    visitor = Visitor(app.url, 0, tmp_path_factory.mktemp("alice"))
    return visitor, visitor.adapt(STEPS)


@pytest.fixture
def bob(app: App, tmp_path: Path) -> Visitor:
    return Visitor(app.url, 1, tmp_path)


def file_url(path: str | Path) -> str:
    return "gradio_api/file=" + urllib.parse.quote(str(path), safe="/")


def test_files_arrive_whole(alice):
    video, samples, domain = alice[1]
    assert Path(video).read_bytes()[4:8] == b"ftyp"
    assert Path(samples).stat().st_size > 10_000
    assert Path(domain).stat().st_size > 10_000


def test_uploads_may_be_as_large_as_domains_but_no_larger(app: App):
    """What they are is looked at afterwards, by what reads that kind of file."""
    for size, status in ((MAXIMUM_BYTES - 1000, 200), (MAXIMUM_BYTES + 1000, 413)):
        answer = httpx.post(f"{app.url}gradio_api/upload", files={"files": ("a.safetensors", bytes(size))}, timeout=60)
        assert answer.status_code == status


def test_session_folders_cannot_be_fetched(app: App, alice):
    files = app.session_files
    assert any(path.name == "domain.safetensors" for path in files)
    for path in files:
        assert app.get(file_url(path))[0] in (403, 404), path.name


def test_session_folders_cannot_be_guessed(app: App, alice):
    """Names have 128 random bits, and neither the session's id nor its hash leads to one."""
    folders = [path for path in app.folder.glob("adapter-sessions-*/*") if path.is_dir()]
    assert folders
    for folder in folders:
        assert len(folder.name) == 32
        assert alice[0].client.session_hash not in folder.name
        assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/proc/self/environ",
        "../../../../../../etc/passwd",
        "..%2f..%2fetc/passwd",
        str(ROOT / "app.py"),
        str(ROOT / ".git" / "config"),
        str(ROOT / "requirements.txt"),
        "app.py",
        "checkpoints/heads/model.safetensors",
        "https://127.0.0.1:1/",
        "file:///etc/passwd",
    ],
)
def test_other_files_of_the_machine_cannot_be_fetched(app: App, path: str):
    status, body = app.get(file_url(path))
    assert status in (400, 403, 404, 422)
    assert b"root:" not in body
    assert b"[core]" not in body


def test_listing_is_not_possible(app: App, alice):
    for path in (app.folder, app.folder / "uploads", app.session_files[0].parent):
        assert app.get(file_url(path))[0] in (400, 403, 404)
    assert app.get("gradio_api/uploads")[0] in (403, 404, 405)
    assert app.get("monitoring")[0] in (403, 404)


def test_api_calls_cannot_name_files_of_others(app: App, alice):
    """A path is accepted only where the server put an upload itself: not a visitor's, not the machine's."""
    theirs = next(path for path in app.session_files if path.name == "domain.safetensors")
    for path in (str(theirs), "/etc/passwd", str(ROOT / "requirements.txt"), "app.py"):
        data = {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "a.safetensors"}
        for answer in (
            app.call("upload_domain", data),
            app.call("render_image", data, "", 0, 0.7, 1.0, 0.0, 0.0, 1.0),
            app.call("adapt_from_image", data, "3d-adapter", "draft", STEPS, 0, 1.0, 0.7),
        ):
            assert answer.startswith("event: error"), answer[:300]
            assert "event: complete" not in answer
            assert "root:" not in answer


def test_the_server_fetches_nothing_for_strangers(app: App):
    """An address in place of an upload would let strangers knock at doors inside the machine."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(3)
        address = f"http://127.0.0.1:{door.getsockname()[1]}/picture.png"
        data = {"path": address, "url": address, "meta": {"_type": "gradio.FileData"}}
        assert app.call("adapt_from_image", data, "3d-adapter", "draft", STEPS, 0, 1.0, 0.7).startswith("event: error")
        with pytest.raises(TimeoutError):
            door.accept()


def test_uploads_of_one_are_not_listed_for_the_other(app: App, alice, bob: Visitor):
    _, (_, _, domain) = alice
    about = alice[0].client.predict(handle_file(domain), api_name="/upload_domain")
    assert about["base"] == "tiny"
    listed = bob.client.predict(api_name="/list_domains")
    assert about["title"] not in [entry["title"] for entry in listed]
    config = json.loads(urllib.request.urlopen(app.url + "config", timeout=300).read())
    assert "adapter-sessions" not in json.dumps(config)


def test_refusals_over_the_api_are_sentences(app: App, bob: Visitor, tmp_path: Path):
    for name, content, endpoint in (
        ("broken.png", b"\x89PNG\r\n\x1a\n broken", "/adapt_from_image"),
        ("program.jpg", b"MZ\x90\x00" + bytes(900), "/adapt_from_image"),
        ("broken.safetensors", b"\x80\x04cos\nsystem\n.", "/upload_domain"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(Exception, match=r"[A-Za-z].+\.$") as caught:
            bob.client.predict(handle_file(path), api_name=endpoint)
        assert "Traceback" not in str(caught.value)
        assert str(app.folder) not in str(caught.value)


def test_two_visitors_at_once(app: App, tmp_path: Path):
    visitors = []
    for number in (0, 1):
        (tmp_path / str(number)).mkdir()
        visitors.append(Visitor(app.url, number, tmp_path / str(number)))
    visitors[0].adapt(STEPS)  # so that everything is loaded before the memory is looked at
    before, logged = app.memory(), len(app.log())
    run_together(visitors, 8, STEPS)
    assert [error for visitor in visitors for error in visitor.errors] == []
    assert all(visitor.adapted >= 1 for visitor in visitors)
    assert all(visitor.explored >= 5 for visitor in visitors)
    assert app.memory() < before + 400
    assert "Traceback" not in app.log()[logged:]
