"""The part of ZeroGPU that lends devices, as a server on loopback that never has one."""

import json
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Lender:
    """What it was asked for, and how it answers.

    Args:
        calls: (path, parameters) of every request, in order.
        idle: whether the worker of the last call may be used again.
        answers: status, JSON and headers for the next requests for a device, in place of lending one.
    """

    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    idle: bool = True
    answers: list[tuple[int, dict, dict]] = field(default_factory=list)
    url: str = ""

    def paths(self) -> list[str]:
        return [path for path, _ in self.calls]

    def asked(self) -> list[int]:
        """The seconds that devices were asked for."""
        return [int(values["durationSeconds"]) for path, values in self.calls if path == "/schedule"]


class LoopbackLender:
    """The server, for the length of a ``with`` block."""

    def __enter__(self) -> Lender:
        lender = Lender()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                path, _, query = self.path.partition("?")
                lender.calls.append((path, dict(urllib.parse.parse_qsl(query))))
                status, body, headers = 200, {}, {}
                if path == "/schedule" and lender.answers:
                    status, body, headers = lender.answers.pop(0)
                elif path == "/schedule":
                    token = f"token-{len(lender.calls)}"
                    body = {"idle": lender.idle, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": token}
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        lender.url = f"http://127.0.0.1:{self.server.server_port}"
        return lender

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
