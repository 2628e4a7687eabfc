"""An image input that hands the uploaded file over as it is."""

import gradio as gr
from gradio.data_classes import ImageData

from gradio.events import Dependency

class PictureUpload(gr.Image):
    """gr.Image for strangers' files: gives the path of the upload, undecoded.

    gr.Image itself opens uploads before any handler is called, without limits and with messages of its own; here
    `adapter.media.images.load_image` decides what is a picture.
    """

    is_template = True  # the front end is gr.Image's

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the uploaded file, None where there is none."""
        return payload.path if payload is not None else None
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component
