"""A file that arrives as it was uploaded."""

from typing import Any

import gradio as gr
from gradio.data_classes import FileData, ListFiles
from gradio_client.utils import is_valid_file


class UploadFile(gr.File):
    """Hands over the path of an upload, or the paths; `gr.File` would leave an empty temporary file beside each."""

    is_template = True

    def preprocess(self, payload: ListFiles | FileData | None) -> Any:
        """Return the path, or the list of paths where several files are allowed.

        Raises:
            Error: a file of another type.
        """
        if payload is None:
            return None
        paths = [file.path for file in (payload.root if isinstance(payload, ListFiles) else [payload])]
        if self.file_types and not all(is_valid_file(path, self.file_types) for path in paths):
            raise gr.Error(f"Choose a file of this type: {', '.join(self.file_types)}.", print_exception=False)
        return paths if self.file_count == "multiple" else paths[0] if paths else None
