"""Somebody on the page, without a browser: the page's own events over bare HTTP, on connections that may be cut."""

import json
import secrets
import threading
from pathlib import Path
from typing import Any

import httpx

EVENT_SECONDS = 240.0


class Refused(Exception):
    """The page answered with an error."""


class PageVisitor:
    """A browser with one open page: its token, and what its components show.

    Args:
        url: of the app, or of a proxy before it.
    """

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(
            base_url=url, timeout=EVENT_SECONDS, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self.token, self.page = secrets.token_hex(32), ""
        config = self.client.get("config").raise_for_status().json()
        self._events = [event for event in config["dependencies"] if event["backend_fn"]]
        self._components = config["components"]
        self._ids = {each["props"].get("elem_id"): each["id"] for each in self._components}
        self._stay: httpx.Client | None = None

    def open(self) -> None:
        """Open the page, or load it anew."""
        self.leave()
        self.page = secrets.token_hex(8)
        self.shown = {each["id"]: each["props"].get("value") for each in self._components}
        attach = next(event for event in self._events if event["api_name"] == "attach")
        self.shown[attach["inputs"][0]] = self.token
        self._run(attach)
        self.stay()

    def stay(self) -> None:
        """Hold the connection by which Gradio knows that a page is open."""
        client = self._stay = httpx.Client(base_url=self.client.base_url, timeout=None)
        page, begun = self.page, threading.Event()

        def hold() -> None:
            try:
                with client.stream("GET", f"gradio_api/heartbeat/{page}") as lines:
                    for _ in lines.iter_lines():
                        begun.set()
            except (httpx.HTTPError, RuntimeError, OSError):
                pass  # cut, or closed by `leave`
            begun.set()

        threading.Thread(target=hold, daemon=True).start()
        begun.wait(EVENT_SECONDS)

    def leave(self) -> None:
        """Close the page."""
        if self._stay is not None:
            self._stay.close()
            self._stay = None

    @property
    def job(self) -> str:
        """The name of the job that Create shows."""
        return (self.shown[self._following["inputs"][0]] or "").partition(":")[0]

    def follow(self) -> None:
        """Let Create look after its job, as its clock does every second."""
        self._run(self._following)

    @property
    def _following(self) -> dict[str, Any]:
        ticking = [event for event in self._events if event["targets"][0][1] == "tick"]
        return next(event for event in ticking if self._ids["adapt"] in event["outputs"])

    def value(self, elem_id: str) -> Any:
        """What a component shows."""
        return self.shown[self._ids[elem_id]]

    def set(self, elem_id: str, value: Any) -> None:
        """Type into a component, or choose in it."""
        self.shown[self._ids[elem_id]] = value

    def upload(self, file: Path) -> dict[str, Any]:
        """Send a file; what a component then holds."""
        answer = self.client.post("gradio_api/upload", files={"files": (file.name, file.read_bytes())})
        return {"path": answer.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}

    def fire(self, elem_id: str, kind: str) -> None:
        """Let something happen to a component, such as a "click", and show what its listener returns.

        Raises:
            Refused: the answer is an error.
            httpx.HTTPError: the connection was cut.
        """
        target = [self._ids[elem_id], kind]
        self._run(next(event for event in self._events if target in event["targets"]))

    def _run(self, event: dict[str, Any]) -> None:
        body = {
            "fn_index": event["id"],
            "session_hash": self.page,
            "data": [self.shown[place] for place in event["inputs"]],
            "event_data": None,
            "trigger_id": event["targets"][0][0],
        }
        values = self._queued(body) if event["queue"] else self._at_once(body)
        for place, value in zip(event["outputs"], values, strict=True):
            is_update = isinstance(value, dict) and value.get("__type__") == "update"
            if not is_update:
                self.shown[place] = value
            elif "value" in value:
                self.shown[place] = value["value"]

    def _at_once(self, body: dict[str, Any]) -> list[Any]:
        answer = self.client.post("gradio_api/run/predict", json=body)
        if answer.is_error:
            raise Refused(answer.text[:200])
        return answer.json()["data"]

    def _queued(self, body: dict[str, Any]) -> list[Any]:
        joined = self.client.post("gradio_api/queue/join", json=body)
        if joined.is_error:
            raise Refused(joined.text[:200])
        with self.client.stream("GET", "gradio_api/queue/data", params={"session_hash": self.page}) as lines:
            for line in lines.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("msg") != "process_completed":
                    continue
                if not message["success"]:
                    raise Refused(str(message["output"].get("error")))
                return message["output"]["data"]
        raise httpx.ReadError("the stream ended before the answer")
