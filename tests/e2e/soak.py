"""Visitors of the page at once, for minutes, on connections that are cut at random.

``python -m tests.e2e.soak --visitors 10 --minutes 5`` prints the memory of the app and what became of all jobs, waits
until the visitors' files are gone, and exits with 1 if a result was lost, if anybody was told anything but to wait, if
memory grew by more than a tenth in the second half, or if a file is left.
"""

import argparse
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.helpers.app import ROOT, App, running_app
from tests.helpers.page_visitor import PageVisitor, Refused
from tests.helpers.proxy import Proxy, proxy_to
from tests.helpers.tiny_library import make_library, on_tiny_base
from tests.helpers.visitor import EXPECTED, PICTURES

TINY = "tiny"
GROWTH, GRACE, PATIENCE = 1.10, 20.0, 300.0


@dataclass
class Guest:
    """Somebody who adapts on the page, reloads it now and then, and notes what happened."""

    visitor: PageVisitor
    number: int
    steps: int
    results: int = 0
    reloads: int = 0
    cuts: int = 0
    refused: int = 0
    errors: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def use(self, until: float) -> None:
        """Adapt until then, but once at least, and leave."""
        try:
            self.insist(self.visitor.open)
            while not self.results or time.monotonic() < until:
                self.adapt()
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {str(error)[:200]}")
            print(f"visitor {self.number}: {self.errors[-1]}", flush=True)
        self.visitor.leave()

    def adapt(self) -> None:
        """Choose a picture, start a job, and follow it to its result."""
        visitor, before = self.visitor, self.visitor.job
        picture = ROOT / "examples" / f"{PICTURES[self.number % len(PICTURES)]}.jpg"
        visitor.set("picture", self.insist(lambda: visitor.upload(picture)))
        self.insist(lambda: visitor.fire("picture", "upload"))
        visitor.set("steps", self.steps)
        while visitor.job == before:
            self.insist(lambda: visitor.fire("adapt", "click"))
            self.insist(visitor.follow)  # a click whose answer was cut off may have counted
            if visitor.job == before:
                self.hear()
        job = visitor.job
        while visitor.value("adapt") != "Adapt":
            time.sleep(1.0)
            if random.random() < 0.05:
                self.reloads += 1
                self.insist(visitor.open)
            self.insist(visitor.follow)
            if visitor.job != job:
                raise AssertionError(f"the job is lost: {visitor.value('note')}")
        self.hear()
        for part in ("orbit", "grid", "download-domain"):
            path = _path(visitor.value(part))
            body = self.insist(
                lambda path=path: visitor.client.get(f"gradio_api/file={path}").raise_for_status()
            ).content
            assert len(body) > 1000, f"{part} is empty"
        self.results += 1
        print(f"visitor {self.number}: result {self.results}", flush=True)

    def hear(self) -> None:
        """Note a problem that the page tells."""
        note = self.visitor.value("note") or ""
        if "notice problem" in note:
            if not any(text in note for text in EXPECTED):
                raise AssertionError(note)
            self.refused += 1
            time.sleep(3.0)

    def insist(self, act: Callable[[], Any]) -> Any:
        """Try again as long as the connection is cut."""
        began = time.monotonic()
        while True:
            try:
                return act()
            except (httpx.HTTPError, Refused) as error:
                # A listener whose page was cut off in mid-event answers with an error without words.
                if time.monotonic() - began > PATIENCE:
                    raise
                self.cuts += isinstance(error, httpx.HTTPError)
                self.refused += isinstance(error, Refused)
                self.told.add(str(error)[:100])
                time.sleep(0.5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--visitors", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=10, help="of each adaptation, default: 10")
    parser.add_argument("--base", default=TINY, help="generator; the default takes seconds for a whole job")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        running_app(Path(name), GRACE_SECONDS=str(GRACE), **surroundings(args.base, Path(name))) as app,
        proxy_to(app.url) as proxy,
    ):
        guests = [Guest(PageVisitor(proxy.url), number, args.steps) for number in range(args.visitors)]
        until, samples, stop = time.monotonic() + 60 * args.minutes, [], threading.Event()
        threads = [threading.Thread(target=guest.use, args=[until]) for guest in guests]
        others = [
            threading.Thread(target=watch, args=(app, samples, stop)),
            threading.Thread(target=cut, args=(proxy, stop)),
        ]
        for thread in [*threads, *others]:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        for thread in others:
            thread.join()
        return report(guests, samples, left_over(app))


def surroundings(base: str, folder: Path) -> dict[str, str]:
    """Variables of an app on that base."""
    if base != TINY:
        return {"BASE": base}
    (folder / "library").mkdir()
    return on_tiny_base(make_library(folder / "library"))


def cut(proxy: Proxy, stop: threading.Event) -> None:
    """Cut some connections now and then, and sometimes all for seconds."""
    while not stop.wait(random.uniform(1.0, 5.0)):
        if random.random() < 0.9:
            proxy.drop(0.2)
        else:
            proxy.cut()
            stop.wait(3.0)
            proxy.mend()


def watch(app: App, samples: list[float], stop: threading.Event) -> None:
    """Sample the app's memory."""
    began = time.monotonic()
    while not stop.is_set():
        samples.append(app.memory())
        print(f"{time.monotonic() - began:5.0f} s  {samples[-1]:6.0f} MB in memory", flush=True)
        stop.wait(10)


def left_over(app: App) -> list[Path]:
    """Files of visitors that are still there some time after all have left."""
    began = time.monotonic()
    while True:
        uploads = [Path(folder) / name for folder, _, names in os.walk(app.folder / "uploads") for name in names]
        files = [*uploads, *(path for path in app.session_files if "uploads" not in path.parts)]
        if not files or time.monotonic() - began > 3 * GRACE + 60:
            return files
        time.sleep(2.0)


def report(guests: list[Guest], samples: list[float], files: list[Path]) -> int:
    """Print what happened, and return the exit code."""
    errors = [error for guest in guests for error in guest.errors]
    results, reloads, cuts, refused = (
        sum(getattr(guest, name) for guest in guests) for name in ("results", "reloads", "cuts", "refused")
    )
    print(f"{results} results, {reloads} reloads, {cuts} requests cut off, {refused} told to wait or to try again")
    print(*sorted(set().union(*(guest.told for guest in guests))), sep="\n")
    for error in sorted(set(errors)):
        print(f"  {errors.count(error)} x {error}")
    # Jobs breathe, so single samples say little.
    third, last = (samples[len(samples) * part // 4 : len(samples) * (part + 1) // 4] for part in (2, 3))
    growth = statistics.median(last) / statistics.median(third)
    print(f"memory: {samples[0]:.0f} MB at first, {max(samples):.0f} MB at most, x {growth:.2f} in the second half")
    print(f"{len(errors)} errors, {len(files)} files left", *files[:10], sep="\n  ")
    return int(bool(errors) or bool(files) or growth > GROWTH)


def _path(value: Any) -> str:
    """The path of a file as a component holds it."""
    return value["path"] if "path" in value else _path(value["video"])


if __name__ == "__main__":
    raise SystemExit(main())
