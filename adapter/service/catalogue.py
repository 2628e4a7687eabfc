"""The library that this process offers; the variable ``LIBRARY`` may name another file than the embedded one."""

import functools
import os

from adapter.hub.library import LIBRARY, Library, load_library


@functools.cache
def catalogue() -> Library:
    """The bases and domains of the library file."""
    return load_library(os.environ.get("LIBRARY", LIBRARY))
