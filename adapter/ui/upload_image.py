"""A picture that arrives as the file that was uploaded."""

from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from gradio.exceptions import Error, InvalidPathError
from gradio.processing_utils import save_base64_to_cache
from pydantic import model_validator

from adapter.ui.uploads import FROM_ADDRESS


class Picture(ImageData):
    """A picture as a program sends it: a file, or an address or a data: URL as bare text."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"url": value, "meta": {"_type": "gradio.FileData"}} if isinstance(value, str) else value


class UploadImage(gr.Image):
    """Hands the upload's path over undecoded: `gr.Image` would open it without our limits, with messages of its own."""

    is_template = True
    data_model = Picture
    damaged = "This picture is damaged. Save it as JPEG or PNG, and try again."
    too_large = "This picture is larger than 25 MB. Make it smaller, and try again."
    maximum_letters = 35_000_000
    """Of a picture in base64, which is 25 MB."""

    def preprocess(self, payload: ImageData | None) -> str | None:
        """Return the path of the upload; a data: URL becomes a file.

        Raises:
            Error: it is an address, or no picture in base64.
        """
        if payload is None or payload.path or not payload.url:
            return None if payload is None else payload.path
        if not payload.url.startswith("data:"):
            raise Error(FROM_ADDRESS, print_exception=False)
        if len(payload.url) > self.maximum_letters:
            raise Error(self.too_large, print_exception=False)
        try:
            return save_base64_to_cache(payload.url, self.GRADIO_CACHE)
        except (ValueError, IndexError, InvalidPathError) as error:
            raise Error(self.damaged, print_exception=False) from error
