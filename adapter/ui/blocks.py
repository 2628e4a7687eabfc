"""Gradio's Blocks with manners: whatever cannot be used is refused with a sentence, and uploads belong to somebody."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from gradio.exceptions import InvalidPathError

from adapter.service.failures import known
from adapter.service.visitors import Visitors
from adapter.ui.uploads import FROM_ADDRESS, uploads_among

NOT_UPLOADED = "This file was not uploaded here. Send the file itself: wrap its path in gradio_client.handle_file."
WRONG_INPUT = "These inputs cannot be used. See what this endpoint takes, in About or with Client.view_api()."
_LOG = logging.getLogger("adapter")


class PageBlocks(gr.Blocks):
    """The page's Blocks.

    Args:
        visitors: who uploads belong to.
        options: of `gr.Blocks`.
    """

    def __init__(self, visitors: Visitors, **options: Any) -> None:
        self.visitors = visitors
        super().__init__(**options)

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Run one event.

        Raises:
            Error: the inputs cannot be used. Gradio itself answers programs without any words then.
        """
        LocalContext.request.set(options.get("request"))
        try:
            return await super().process_api(*args, **options)
        except gr.Error:
            raise
        except Exception as error:
            sentence = NOT_UPLOADED if isinstance(error, InvalidPathError) else known(error)
            if sentence is None:
                _LOG.warning("Refused inputs (%s: %s)", type(error).__name__, " ".join(str(error).split()))
            raise gr.Error(sentence or WRONG_INPUT, print_exception=False) from error

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> list[Any]:
        """Turn what arrived into a handler's arguments; uploads go with their visitor, refused ones, too."""
        self._remember(inputs)
        if _names_address(inputs):
            raise gr.Error(FROM_ADDRESS, print_exception=False)
        arguments = await super().preprocess_data(block_fn, inputs, *args, **options)
        self._remember(arguments)
        return arguments

    def _remember(self, values: Iterable[Any]) -> None:
        request, found = LocalContext.request.get(None), uploads_among(values)
        if found and isinstance(request, gr.Request):
            self.visitors.of(request.session_hash or "").uploads.update(found)


def _names_address(value: Any) -> bool:
    """Whether a file among the inputs stands for an address, from which Gradio would fetch it."""
    if isinstance(value, Mapping):
        return str(value.get("path") or "").startswith(("http://", "https://"))
    return isinstance(value, list | tuple) and any(map(_names_address, value))
