"""Visitors who use a running app over its API."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from gradio_client import Client, handle_file

from tests.helpers.app import ROOT

PICTURES = ("zombie", "bronze", "jade", "toon", "watercolour")
EXPECTED = ("queue is full", "Too many people are waiting", "You have jobs running already")


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

    def use(self, until: float, steps: int) -> None:
        """Adapt and explore until then, as often as there is time, but once at least."""
        round_number = self.number
        while round_number == self.number or time.monotonic() < until:
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


def run_together(visitors: list[Visitor], seconds: float, steps: int) -> None:
    """Let all visitors adapt and explore at once."""
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=visitor.use, args=(until, steps)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
