"""The app as a process of its own, and visitors who use it over its API."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gradio_client import Client, handle_file

ROOT = Path(__file__).parents[2]
PICTURES = ("zombie", "bronze", "jade", "toon", "watercolour")
EXPECTED = ("queue is full", "Too many people are waiting", "You have jobs running already")
BUSY = "busy"


@dataclass(frozen=True)
class App:
    """A running app: its address, its folder for temporary files, and its process."""

    url: str
    folder: Path
    process: subprocess.Popen

    def memory(self) -> float:
        """Megabytes that the process holds; on Linux."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def disk(self) -> float:
        """Megabytes of all files that it has written."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6

    def session_files(self) -> list[Path]:
        return [path for path in self.folder.glob("adapter-sessions-*/**/*") if path.is_file()]

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def call(self, name: str, *values: object) -> str:
        """What an endpoint answers to bare HTTP, without a client that would upload local files: its event stream."""
        body, headers = json.dumps({"data": values}).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}gradio_api/call/{name}", body, headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            event = json.loads(answer.read())["event_id"]
        return self.get(f"gradio_api/call/{name}/{event}")[1].decode()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a request by somebody without a session."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@contextlib.contextmanager
def running_app(folder: Path, start_seconds: float = 180) -> Iterator[App]:
    """The app on the embedded base, offline, with all its files below a folder; ended with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "BASE": "heads",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "TMPDIR": str(folder),
        "HF_HUB_OFFLINE": "1",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        app = App(f"http://127.0.0.1:{port}/", folder, process)
        began = time.monotonic()
        try:
            while not _answers(app):
                if process.poll() is not None or time.monotonic() - began > start_seconds:
                    raise AssertionError("the app did not start: " + app.log())
                time.sleep(0.2)
            yield app
        finally:
            process.terminate()
            process.wait(30)


def _answers(app: App) -> bool:
    try:
        return app.get("")[0] == 200
    except OSError:
        return False


@dataclass
class Visitor:
    """Somebody with a session of an own, who notes what happened."""

    url: str
    number: int
    folder: Path
    errors: list[str] = field(default_factory=list)
    adapted: int = 0
    explored: int = 0
    refused: int = 0
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        options = {"download_files": str(self.folder), "httpx_kwargs": {"timeout": 300}}
        self.client = Client(self.url, verbose=False, analytics_enabled=False, **options)

    def adapt(self, steps: int) -> tuple[str, str, str]:
        """Paths of the video, the samples and the domain, as downloaded."""
        picture = handle_file(ROOT / "examples" / f"{PICTURES[self.number % len(PICTURES)]}.jpg")
        _, *files = self.client.predict(
            picture, "3d-adapter", "draft", steps, self.number, api_name="/adapt_from_image"
        )
        self.adapted += 1
        return tuple(file["video"] if isinstance(file, dict) else file for file in files)

    def explore(self, seed: int) -> str:
        """Path of a picture of one person."""
        began = time.monotonic()
        path = self.client.predict(seed=seed, yaw=0.3, api_name="/render_image")
        self.waits.append(time.monotonic() - began)
        self.explored += 1
        return path

    def live(self, until: float, steps: int) -> None:
        """Adapt and explore until then, as often as there is time."""
        round_number = self.number
        while time.monotonic() < until:
            round_number += 1
            self._try(lambda: self.adapt(steps))
            for seed in range(5):
                self._try(lambda seed=seed, start=round_number: self.explore(10 * start + seed))

    def _try(self, work) -> None:
        try:
            work()
        except Exception as error:
            if any(text in str(error) for text in EXPECTED):
                self.refused += 1
                time.sleep(2.0)
            else:
                self.errors.append(f"{type(error).__name__}: {str(error)[:200]}")


def together(visitors: list[Visitor], seconds: float, steps: int) -> None:
    """Let them all live at once."""
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=visitor.live, args=(until, steps)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
