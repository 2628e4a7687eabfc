"""The app starts on machines unlike this one, or says in a line what to change, and it ends when it is told to."""

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.app import ROOT, START_SECONDS

PREFIX = "/faces/adapter"
ODD = {
    "ALL_PROXY": "socks5://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "NO_PROXY": "::1/128,[::1],corp.example",
    "HOME": "/dev/null",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "OMP_NUM_THREADS": "99",
    "GRADIO_SERVER_NAME": "::1",
    "GRADIO_SERVER_PORT": "0",
    "GRADIO_ROOT_PATH": PREFIX,
    "GRADIO_NUM_PORTS": "",
}
"""Variables of an odd machine."""
SECONDS_TO_END = 20.0
"""About one on an idle machine; a thread that were waited for would take a minute."""


def started(folder: Path, **environment: str) -> subprocess.Popen:
    """The app in a process, with all that it prints in a file."""
    unset = ("XDG_", "HF_", "MPL", "OMP_", "GRADIO_", "PORT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    own = {"BASE": "heads", "TMPDIR": str(folder), "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env={**kept, **own, **environment}, stdout=log, stderr=log
        )


@pytest.fixture(scope="module")
def odd_app() -> Iterator[tuple[subprocess.Popen, Path, int]]:
    """The app on an odd machine: its process, its folder and its port."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = started(folder, **ODD)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (found := re.search(r"URL: +http://\[::1\]:(\d+)", (folder / "log").read_text())):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
            yield process, folder, int(found[1])
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def proxied(odd_app: tuple[subprocess.Popen, Path, int]) -> Iterator[str]:
    """Address of a reverse proxy that serves the app below a path, as nginx does with ``proxy_pass``."""
    port = odd_app[2]

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            if not self.path.startswith(PREFIX):
                self.send_error(404)
                return
            headers = {"Host": self.headers["Host"], "Content-Type": self.headers.get("Content-Type", "")}
            url = f"http://[::1]:{port}{self.path.removeprefix(PREFIX) or '/'}"
            request = urllib.request.Request(url, self.rfile.read(length) or None, headers, method=self.command)
            with direct(request) as answer:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.end_headers()
                self.wfile.write(answer.read())

        do_POST = do_GET

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}/"
        server.shutdown()


def direct(request: urllib.request.Request | str):
    """An answer that came through no proxy of this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)


def test_it_starts_on_an_odd_machine_and_says_what_to_change(odd_app: tuple[subprocess.Popen, Path, int]):
    _, folder, port = odd_app
    with direct(f"http://[::1]:{port}/") as page:
        assert b"3D Domain Adapter" in page.read()
    log = (folder / "log").read_text()
    assert "The proxy socks5://127.0.0.1:1 of ALL_PROXY needs the package socksio" in log
    assert "/dev/null/.cache cannot be written" in log
    assert "OMP_NUM_THREADS is 99" in log
    assert "Traceback" not in log


def test_it_works_below_a_path(proxied: str):
    with direct(proxied) as answer:
        page = answer.read().decode()
    assert f'"root":"{proxied.rstrip("/")}"' in page.replace('": "', '":"')
    script = re.search(r'(?:src|href)="\.?/?(assets/[^"]+\.(?:js|css))"', page)[1]
    with direct(proxied + script) as answer:
        assert len(answer.read()) > 100
    with direct(proxied + "gradio_api/info") as answer:
        assert json.load(answer)["named_endpoints"]
    with direct(proxied + "theme.css") as answer:
        assert answer.status == 200


def test_it_ends_at_once_and_leaves_nothing(
    odd_app: tuple[subprocess.Popen, Path, int],
):
    process, folder, _ = odd_app
    assert list(folder.glob("adapter-sessions-*"))
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert time.monotonic() - began < SECONDS_TO_END
    assert not list(folder.glob("adapter-sessions-*"))


@pytest.mark.parametrize("variable", ["GRADIO_SERVER_PORT", "PORT"])
def test_a_taken_port_that_was_asked_for_is_a_sentence(tmp_path: Path, variable: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = started(tmp_path, **{variable: str(port), "GRADIO_SERVER_NAME": "127.0.0.1"})
        assert process.wait(300) == 1
    assert (
        (tmp_path / "log")
        .read_text()
        .endswith(f"Port {port} is taken, or not allowed. Set GRADIO_SERVER_PORT to another port, or 0 for any.\n")
    )
    assert not list(tmp_path.glob("adapter-sessions-*"))


def test_an_address_of_another_machine_is_a_sentence(tmp_path: Path):
    process = started(tmp_path, GRADIO_SERVER_NAME="192.0.2.1")
    assert process.wait(300) == 1
    assert "The page cannot be served at 192.0.2.1" in (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()
