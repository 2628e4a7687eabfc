"""Visitors who adapt and explore at once, for minutes: ``python -m tests.e2e.soak --visitors 10 --minutes 5``.

Prints the memory of the app and the errors of all visitors, and exits with 1 where there was an error besides "queue
full", or where memory grew by more than a tenth in the second half.
"""

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

from tests.helpers.app import App, running_app
from tests.helpers.visitor import Visitor, run_together

GROWTH = 1.10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--visitors", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=10, help="of each adaptation, default: 10")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_app(Path(name)) as app:
        for number in range(args.visitors):
            (Path(name) / f"visitor-{number}").mkdir()
        visitors = [Visitor(app.url, number, Path(name) / f"visitor-{number}") for number in range(args.visitors)]
        samples: list[float] = []
        stop = threading.Event()
        watcher = threading.Thread(target=watch, args=(app, samples, stop))
        watcher.start()
        run_together(visitors, 60 * args.minutes, args.steps)
        stop.set()
        watcher.join()
        return report(visitors, samples)


def watch(app: App, samples: list[float], stop: threading.Event) -> None:
    began = time.monotonic()
    while not stop.is_set():
        samples.append(app.memory())
        print(f"{time.monotonic() - began:5.0f} s  {samples[-1]:6.0f} MB in memory", flush=True)
        stop.wait(10)


def report(visitors: list[Visitor], samples: list[float]) -> int:
    errors = [error for visitor in visitors for error in visitor.errors]
    waits = [wait for visitor in visitors for wait in visitor.waits] or [0.0]
    print(f"{sum(visitor.adapted for visitor in visitors)} adaptations, {len(waits)} pictures explored")
    print(f"{sum(visitor.refused for visitor in visitors)} times told to wait, {len(errors)} errors")
    print(f"explored pictures took {statistics.median(waits):.1f} s in the middle, {max(waits):.1f} s at most")
    for error in sorted(set(errors)):
        print(f"  {errors.count(error)} x {error}")
    # Jobs breathe, so single samples say little.
    third, last = (samples[len(samples) * part // 4 : len(samples) * (part + 1) // 4] for part in (2, 3))
    growth = statistics.median(last) / statistics.median(third)
    print(f"memory: {samples[0]:.0f} MB at first, {max(samples):.0f} MB at most, x {growth:.2f} in the second half")
    return int(bool(errors) or growth > GROWTH)


if __name__ == "__main__":
    raise SystemExit(main())
