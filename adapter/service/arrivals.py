"""What is being fetched, told while it comes."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

from adapter.hub.download import Progress

_SECONDS_BETWEEN_LOOKS = 0.5


def arrivals(fetch: Callable[[Progress], Any]) -> Iterator[str]:
    """Run a fetch in a thread of its own, and tell from time to time how far it is.

    The fetch goes on to its end also if nobody listens any more: the next visitor needs it, too.

    Args:
        fetch: gets a function that it tells the share done, 0 to 1, and what is being done.

    Raises:
        Exception: what the fetch raises.
    """
    told, failures, done = [""], list[Exception](), threading.Event()

    def run() -> None:
        try:
            fetch(lambda share, text: told.__setitem__(0, f"{text} ({share:.0%})"))
        except Exception as error:
            failures.append(error)
        finally:
            done.set()

    threading.Thread(target=run, daemon=True, name="arrival").start()
    last = ""
    while not done.wait(_SECONDS_BETWEEN_LOOKS):
        if told[0] != last:
            last = told[0]
            yield last
    if failures:
        raise failures[0]
