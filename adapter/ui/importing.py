"""Gradio without its slowest step."""

import contextlib
import gc
import inspect
from collections.abc import Iterator

_METACLASS = "ComponentMeta"


@contextlib.contextmanager
def importing_gradio() -> Iterator[None]:
    """Import Gradio inside of this, in half the time.

    On import, Gradio parses the source of each of its components and writes what editors complete from. It leaves
    those out whose source file cannot be told, so here none can. Nor is garbage looked for among what stays.
    """
    told = inspect.getfile

    def getfile(thing: object) -> str:
        if type(thing).__name__ == _METACLASS:
            raise OSError("not asked for")
        return told(thing)

    gc.disable()
    inspect.getfile = getfile
    try:
        yield
    finally:
        inspect.getfile = told
        gc.enable()
