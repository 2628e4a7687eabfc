"""A picture that arrives as the file that was uploaded."""

import gradio as gr
from gradio.data_classes import ImageData


class UploadImage(gr.Image):
    """Hands the upload's path over undecoded: `gr.Image` would open it without our limits, with messages of its own."""

    is_template = True

    def preprocess(self, payload: ImageData | None) -> str | None:
        """Return the path of the upload."""
        return None if payload is None else payload.path
