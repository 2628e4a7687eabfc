"""The vocabulary of the embedded CLIP, and whether a prompt lies within it.

A CLIP trained on the web accepts any text. The embedded one was trained with a stated vocabulary; the direction of a
prompt outside of it means nothing, so such prompts are refused before any time is spent. The rule is ours.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from adapter.encoders.models import EMBEDDED_MODELS
from adapter.encoders.text import TextEncoder
from adapter.errors import UserError
from adapter.utils.storage import read_json

FILE = "vocabulary.json"
SOURCE = "source"
"""Name under which the vocabulary lists wordings for the untouched base, which are no styles."""
SUGGESTIONS = 3
SPELLING = 0.75
"""How much a word must resemble a known one (difflib's ratio) to count as a misspelling of it."""
# Words for how a picture is shown or who is on it: they carry no style, and every prompt may use them.
_FREE = (
    "a an the of in on at as with and or from for to into by like style looks look make made turn me my it this that "
    "is very some art picture photo image portrait face head person people man woman boy girl child old young human "
    "character figure drawing painting render statue sculpture mask wearing hair beard glasses smile smiling"
)
FREE_WORDS = frozenset(_FREE.split())


@dataclass(frozen=True)
class Vocabulary:
    """Styles that a CLIP was taught.

    Attributes:
        threshold: smallest cosine to the nearest wording at which a prompt counts as understood.
        styles: style of each of M wordings.
        wordings: the M wordings.
        embeddings: their unit embeddings [M, D].
    """

    threshold: float
    styles: tuple[str, ...]
    wordings: tuple[str, ...]
    embeddings: Tensor

    @property
    def names(self) -> tuple[str, ...]:
        """The styles, each once, in the vocabulary's order."""
        return tuple(name for name in dict.fromkeys(self.styles) if name != SOURCE)


@dataclass(frozen=True)
class Understanding:
    """How a CLIP reads a prompt.

    Attributes:
        known: whether the prompt is understood as a style.
        similarity: cosine to the nearest known wording; 1 for a CLIP that reads everything.
        suggestions: nearest known wordings of up to three styles, best first; empty for such a CLIP.
        style: name of the style that the prompt is read as, None if there is none.
        unknown_words: words of the prompt that are not in the vocabulary, in order.
    """

    known: bool
    similarity: float
    suggestions: list[str]
    style: str | None = None
    unknown_words: list[str] | None = None

    @property
    def message(self) -> str:
        """A sentence for the user; empty if there is nothing to say."""
        words = ", ".join(f"“{word}”" for word in self.unknown_words or [])
        if self.known:
            return f"The embedded text model does not know {words}; it reads this as {self.style}." if words else ""
        offered = "; ".join(self.suggestions)
        return f"The embedded text model does not understand this style. Try: {offered}."


def load_vocabulary(name: str | Path, text_encoder: TextEncoder) -> Vocabulary | None:
    """The vocabulary of the CLIP of that name or folder; None for a CLIP that reads everything.

    Args:
        name: as for `adapter.encoders.load_clip`.
        text_encoder: of the same CLIP; embeds the wordings once, about a second on a CPU.

    Raises:
        UserError: a damaged file.
    """
    path = EMBEDDED_MODELS.get(str(name), Path(name)) / FILE
    if not path.is_file():
        return None
    values = read_json(path)
    try:
        threshold = float(values["threshold"])
        pairs = [(str(style), str(text)) for style, texts in values["styles"].items() for text in texts]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path.parent.name}/{FILE} is damaged. Get a fresh copy.") from error
    if not pairs or not 0 < threshold < 1:
        raise UserError(f"{path.parent.name}/{FILE} names no styles or no usable threshold. Get a fresh copy.")
    return make_vocabulary(pairs, threshold, text_encoder)


def make_vocabulary(pairs: Sequence[tuple[str, str]], threshold: float, text_encoder: TextEncoder) -> Vocabulary:
    """A vocabulary from (style, wording) pairs."""
    styles, wordings = zip(*pairs, strict=True)
    return Vocabulary(threshold, styles, wordings, text_encoder.encode(wordings).cpu())


def understand(prompt: str, text_encoder: TextEncoder, vocabulary: Vocabulary | None) -> Understanding:
    """Read a prompt as a style; takes a few milliseconds.

    A prompt is understood if it is similar enough to a known wording of a style, and if at least half of its words
    are known: the text tower learned to ignore unknown words, so by similarity alone "a golden retriever playing in
    the garden" would be read as gold.

    Args:
        prompt: any words.
        text_encoder: of the CLIP.
        vocabulary: of the same CLIP; None understands everything.

    Raises:
        UserError: an empty prompt, or one longer than the CLIP's context.
    """
    embedding = text_encoder.encode([prompt])[0].cpu()
    if vocabulary is None:
        return Understanding(True, 1.0, [])
    similarities = vocabulary.embeddings @ embedding
    nearest = int(similarities.argmax())
    similarity, style = float(similarities[nearest]), vocabulary.styles[nearest]
    known_words = set(_words(" ".join(vocabulary.wordings)))
    content = [word for word in _words(prompt) if word not in FREE_WORDS]
    unknown = [word for word in content if word not in known_words]
    mostly_known = bool(content) and len(unknown) <= len(content) / 2
    known = mostly_known and similarity >= vocabulary.threshold and style != SOURCE
    return Understanding(
        known,
        similarity,
        _suggest(unknown, similarities, vocabulary),
        style if known else None,
        unknown,
    )


def _suggest(unknown: list[str], similarities: Tensor, vocabulary: Vocabulary) -> list[str]:
    """Wordings of different styles, first those with a word that an unknown word may be a misspelling of."""
    likely = {
        match for word in unknown for match in difflib.get_close_matches(word, _style_words(vocabulary), 1, SPELLING)
    }
    order = similarities.argsort(descending=True).tolist()
    order.sort(key=lambda index: not likely.intersection(_words(vocabulary.wordings[index])))
    chosen: dict[str, str] = {}
    for index in order:
        style = vocabulary.styles[index]
        if style != SOURCE and style not in chosen:
            chosen[style] = vocabulary.wordings[index]
        if len(chosen) == SUGGESTIONS:
            break
    return list(chosen.values())


def _style_words(vocabulary: Vocabulary) -> list[str]:
    texts = [text for style, text in zip(vocabulary.styles, vocabulary.wordings, strict=True) if style != SOURCE]
    return sorted(set(_words(" ".join(texts))) - FREE_WORDS)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())
