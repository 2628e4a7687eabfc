"""The albums of the embedded CLIP: one picture of each style that it can read, on people like a base's.

Words alone guide weakly through a small CLIP: edits that raise its score need not look like the style. If a prompt is
read as a style of the vocabulary, the album's picture of that style can guide beside the words. The idea is ours.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from adapter.encoders.models import EMBEDDED_MODELS
from adapter.encoders.text import TextEncoder
from adapter.encoders.vocabulary import Vocabulary, understand
from adapter.errors import UserError
from adapter.utils.paths import CHECKPOINTS

FILE = "album.jpg"
SIDE = 160
"""Of each picture, in pixels."""
COLUMNS = 11


def picture_for(
    prompt: str, name: str | Path, text_encoder: TextEncoder, vocabulary: Vocabulary | None
) -> np.ndarray | None:
    """The album's picture of the style that a prompt is read as, uint8 [SIDE, SIDE, 3]; None if there is none.

    Args:
        prompt: any words.
        name, vocabulary: as for `album_picture`.
        text_encoder: of the same CLIP.

    Raises:
        UserError: an empty or too long prompt, or a damaged file.
    """
    return album_picture(name, vocabulary, understand(prompt, text_encoder, vocabulary).style)


def album_picture(
    name: str | Path, vocabulary: Vocabulary | None, style: str | None, base: str = ""
) -> np.ndarray | None:
    """The album's picture of a style, uint8 [SIDE, SIDE, 3]; None if there is no album or no such style.

    Args:
        name: of a CLIP, or its folder.
        vocabulary: of the same CLIP; the pictures stand in its order, row by row.
        style: a name of the vocabulary's.
        base: embedded base whose own album is preferred, if it has one.

    Raises:
        UserError: a damaged file.
    """
    path = EMBEDDED_MODELS.get(str(name), Path(name)) / FILE
    own = CHECKPOINTS / Path(base).name / FILE
    if base and str(name) in EMBEDDED_MODELS and own.is_file():
        path = own
    if vocabulary is None or style not in vocabulary.names or not path.is_file():
        return None
    try:
        with Image.open(path) as sheet:
            pixels = np.asarray(sheet.convert("RGB"))
    except OSError as error:
        raise UserError(f"{path.parent.name}/{FILE} is damaged. Get a fresh copy.") from error
    row, column = divmod(vocabulary.names.index(style), COLUMNS)
    picture = pixels[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
    if picture.shape != (SIDE, SIDE, 3):
        raise UserError(f"{path.parent.name}/{FILE} does not fit the vocabulary. Get a fresh copy.")
    return picture
