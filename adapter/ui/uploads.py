"""Where Gradio keeps its copies of files that visitors sent or were shown."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gradio.processing_utils import hash_file
from gradio.utils import get_upload_folder
from gradio_client.utils import strip_invalid_filename_characters

FROM_ADDRESS = "Send the file itself: this app fetches nothing from an address. Save it, and upload the file."
_LONGEST_PATH = 4096


def copy_of(file: Path) -> Path:
    """Gradio's own copy of a file that it has shown, whether it is there or not."""
    return Path(get_upload_folder()).resolve() / hash_file(file) / strip_invalid_filename_characters(file.name)


def uploads_among(values: Iterable[Any]) -> set[Path]:
    """The paths among the values of an event, however nested, that are uploads; visitors may write what they like."""
    found: set[Path] = set()
    for value in values:
        if isinstance(value, str):
            found |= {Path(value)} if _is_upload(value) else set()
        elif isinstance(value, Mapping):
            found |= uploads_among(value.values())
        elif isinstance(value, list | tuple):
            found |= uploads_among(value)
    return found


def _is_upload(text: str) -> bool:
    """Whether a text is the path of a file in a folder of its own inside Gradio's folder."""
    if len(text) > _LONGEST_PATH or not text.isprintable():
        return False
    path, folder = Path(text), Path(get_upload_folder())
    name = next((path.relative_to(root) for root in (folder, folder.resolve()) if path.is_relative_to(root)), Path())
    return len(name.parts) == 2 and ".." not in name.parts and path.is_file() and not path.is_symlink()
