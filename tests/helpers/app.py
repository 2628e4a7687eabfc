"""The app as a process of its own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 600


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

    @property
    def session_files(self) -> list[Path]:
        """All files of all visitors' sessions, which may come and go meanwhile."""
        roots = self.folder.glob("adapter-sessions-*")
        found = [Path(folder) / name for root in roots for folder, _, names in os.walk(root) for name in names]
        return [path for path in found if path.is_file() and path.name != "lock"]

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def call(self, name: str, *values: object) -> str:
        """What an endpoint answers to bare HTTP, without a client that would upload local files: its event stream."""
        body, headers = json.dumps({"data": values}).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}gradio_api/call/{name}", body, headers)
        with urllib.request.urlopen(request, timeout=300) as answer:
            event = json.loads(answer.read())["event_id"]
        return self.get(f"gradio_api/call/{name}/{event}")[1].decode()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a request by somebody without a session."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=300) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@contextlib.contextmanager
def running_app(folder: Path, *, small: bool = False, **environment: str) -> Iterator[App]:
    """The app on the base ``heads``, offline, with all its files below a folder; ended with the block.

    Args:
        folder: of all its files.
        small: whether its videos are small, see `tests.helpers.small_app`.
        environment: variables of its own, such as another BASE.
    """
    program = ["-m", "tests.helpers.small_app"] if small else ["app.py"]
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
        **environment,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *program], cwd=ROOT, env=environment, stdout=log, stderr=log)
        app = App(f"http://127.0.0.1:{port}/", folder, process)
        began = time.monotonic()
        try:
            while not _answers(app):
                if process.poll() is not None or time.monotonic() - began > START_SECONDS:
                    raise AssertionError("the app did not start: " + app.log())
                time.sleep(0.2)
            yield app
        finally:
            process.terminate()
            process.wait(60)


def _answers(app: App) -> bool:
    try:
        return app.get("")[0] == 200
    except OSError:
        return False
