"""The vocabulary of the embedded CLIP, and whether a prompt lies within it.

A CLIP trained on the web accepts any text. The embedded one was trained with a stated vocabulary; the direction of a
prompt outside of it means nothing, so such prompts are refused before any time is spent. The rule is ours.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from adapter.encoders.models import EMBEDDED_MODELS
from adapter.encoders.prompt_words import PRAISE, close, correct, segments, to_english, words
from adapter.encoders.text import TextEncoder
from adapter.errors import UserError
from adapter.utils.storage import read_json

FILE = "vocabulary.json"
SOURCE = "source"
"""Name under which the vocabulary lists wordings for the untouched base, which are no styles."""
SUGGESTIONS = 3
SPELLING = 0.75
"""How much a word must resemble a known one (difflib's ratio) to be suggested as meant."""
_MOST_NAMED = 5
# Words for how a picture is shown or who is on it: they carry no style, and every prompt may use them.
_FREE = (
    "a an the of in on at as with and or from for to into by like style looks look make made turn me my it this that "
    "is very some art picture photo image portrait face head person people man woman boy girl child old young human "
    "character figure drawing painting render statue sculpture mask wearing hair beard glasses smile smiling"
)
FREE_WORDS = frozenset(_FREE.split())
_ATTRIBUTES = (
    "red green blue yellow orange pink brown black white grey gray purple cyan pale dark bright shiny big small large "
    "little new soft hard fine clear rough flat"
)
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
"""Words that fit many styles, and name none alone: a red car is no red devil."""
_PREPOSITIONS = frozenset(("of", "in", "on", "at", "with", "from", "for", "to", "into", "by"))
EXAMPLES = ("a bronze statue", "a marble bust", "a zombie", "a pencil sketch", "a watercolour", "a cartoon")
"""What is offered where nothing is near."""


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

    @functools.cached_property
    def known_words(self) -> frozenset[str]:
        """All words of the wordings."""
        return frozenset(words(" ".join(self.wordings)))

    @functools.cached_property
    def style_words(self) -> tuple[str, ...]:
        """The words that say something about a style, sorted."""
        texts = [text for style, text in zip(self.styles, self.wordings, strict=True) if style != SOURCE]
        return tuple(sorted(set(words(" ".join(texts))) - FREE_WORDS - ATTRIBUTES))

    @functools.cached_property
    def cores(self) -> frozenset[tuple[str, ...]]:
        """The wordings of styles as tuples of words, without articles."""
        texts = (text for style, text in zip(self.styles, self.wordings, strict=True) if style != SOURCE)
        found = (tuple(word for word in words(text) if word not in ("a", "an", "the")) for text in texts)
        return frozenset(core for core in found if not FREE_WORDS.issuperset(core))


@dataclass(frozen=True)
class Understanding:
    """How a CLIP reads a prompt.

    Attributes:
        known: whether the prompt is understood as a style.
        similarity: cosine to the nearest known wording; 1 for a CLIP that reads everything.
        suggestions: known wordings of up to three styles that share a word with the prompt, best first; empty for such
            a CLIP.
        style: name of the style that the prompt is read as, None if there is none.
        unknown_words: words of the prompt that are not in the vocabulary, in order.
        text: what the CLIP is to read in place of the prompt: the same, or its known core in English.
        translated: whether that differs from the prompt.
    """

    known: bool
    similarity: float
    suggestions: list[str]
    style: str | None = None
    unknown_words: list[str] | None = None
    text: str = ""
    translated: bool = False

    @property
    def message(self) -> str:
        """A sentence for the user; empty if there is nothing to say."""
        unknown = ", ".join(f"“{word}”" for word in (self.unknown_words or [])[:_MOST_NAMED])
        if self.known:
            read = f"“{self.text}”, {self.style}" if self.translated else self.style
            if unknown:
                return f"The embedded text model does not know {unknown}; it reads this as {read}."
            return f"The embedded text model reads this as {read}." if self.translated else ""
        offered = "; ".join(self.suggestions)
        if offered:
            return f"The embedded text model does not understand this style. Try: {offered}."
        return (
            "The embedded text model does not understand this style, and knows none that is near. "
            f"Among those that it knows: {'; '.join(EXAMPLES)}. Or choose a picture of the style."
        )


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
    """Read a prompt as a style; takes some milliseconds.

    The prompt is translated, corrected and freed of praise, see `adapter.encoders.prompt_words`. It is understood if it
    is similar enough to a known wording of a style, and if at least half of its words are known: the text tower learned
    to ignore unknown words, so by similarity alone "a golden retriever playing in the garden" would be read as gold.
    If the whole is not understood, its parts between commas are tried, then a wording that stands in it word by word.

    Args:
        prompt: any words.
        text_encoder: of the CLIP.
        vocabulary: of the same CLIP; None understands everything.

    Raises:
        UserError: an empty prompt, or one longer than the CLIP's context.
    """
    text_encoder.check(prompt)
    if vocabulary is None:
        return Understanding(True, 1.0, [], text=prompt)
    parts = [part for part in (_plain(part, text_encoder, vocabulary) for part in segments(prompt)) if part]
    whole = ", ".join(parts)
    text = prompt if not whole or words(whole) == words(prompt) else whole
    content = [word for word in words(text) if word not in FREE_WORDS]
    unknown = [word for word in dict.fromkeys(content) if word not in vocabulary.known_words]
    candidates = _candidates(text, parts, text_encoder, vocabulary)
    readings = _read([candidate for candidate, _ in candidates], text_encoder, vocabulary)
    for (candidate, trusted), (similarity, style) in zip(candidates, readings, strict=True):
        if (
            similarity >= vocabulary.threshold
            and style != SOURCE
            and (trusted or _mostly_known(candidate, text_encoder, vocabulary))
        ):
            return Understanding(True, similarity, [], style, unknown, candidate, candidate != prompt)
    return Understanding(
        False, readings[0][0], _suggest(text, unknown, text_encoder, vocabulary), None, unknown, prompt
    )


def _plain(part: str, text_encoder: TextEncoder, vocabulary: Vocabulary) -> str:
    """A part of a prompt in the vocabulary's English, without praise; empty where nothing else is in it."""
    known = vocabulary.known_words | FREE_WORDS | PRAISE
    spoken = to_english(part, known).split()
    praise = PRAISE - vocabulary.known_words
    kept = [word for word in spoken if not words(word) or not praise.issuperset(words(word))]
    left = words(" ".join(kept))
    if not left or (len(kept) < len(spoken) and (FREE_WORDS | ATTRIBUTES | PRAISE).issuperset(left)):
        return ""
    return " ".join(correct(word, known, vocabulary.style_words, text_encoder.is_common_word) for word in kept)


def _candidates(
    text: str, parts: list[str], text_encoder: TextEncoder, vocabulary: Vocabulary
) -> list[tuple[str, bool]]:
    """What a prompt may be read as, the most complete first, and whether that is known however much is left out."""
    mostly_known = _mostly_known(text, text_encoder, vocabulary)
    found = [(text, False), *((part, False) for part in parts if len(parts) > 1)]
    bare = " ".join(word for word in words(text) if word not in FREE_WORDS)
    if bare and len(words(text)) > len(bare.split()) and mostly_known:
        found.append((bare, False))
    spoken = [word for word in words(text) if word not in ("a", "an", "the")]
    longest = max(map(len, vocabulary.cores), default=0)
    for size in range(min(longest, len(spoken)), 0, -1):
        for start in range(len(spoken) - size + 1):
            core = tuple(spoken[start : start + size])
            if core in vocabulary.cores and (size > 1 or mostly_known):
                found.append((" ".join(core), True))
    return list(dict.fromkeys(found))


def _read(texts: Sequence[str], text_encoder: TextEncoder, vocabulary: Vocabulary) -> list[tuple[float, str]]:
    """Cosine to the nearest wording of each text, and that wording's style."""
    similarities = text_encoder.encode(texts).cpu() @ vocabulary.embeddings.T
    nearest = similarities.max(dim=1)
    return [
        (float(value), vocabulary.styles[index])
        for value, index in zip(nearest.values, nearest.indices.tolist(), strict=True)
    ]


def _mostly_known(text: str, text_encoder: TextEncoder, vocabulary: Vocabulary) -> bool:
    """Whether at least half of the words are known; where just half are, also the one that the others describe."""
    content = [word for word in words(text) if word not in FREE_WORDS]
    telling = [word for word in content if word not in ATTRIBUTES] or content
    unknown = sum(word not in vocabulary.known_words for word in telling)
    if not telling or 2 * unknown != len(telling):
        return bool(telling) and 2 * unknown < len(telling)
    head = ""
    for word in words(text):
        if head and word in _PREPOSITIONS:
            break
        head = head if word in FREE_WORDS else word
    return head in vocabulary.known_words or not text_encoder.is_common_word(head)


def _suggest(text: str, unknown: list[str], text_encoder: TextEncoder, vocabulary: Vocabulary) -> list[str]:
    """Wordings of different styles that have a word of the text, or one that an unknown word may be meant as."""
    spoken = set(words(text)).intersection(vocabulary.style_words)
    for word in unknown:
        if not text_encoder.is_common_word(word):
            spoken.update(close(word, vocabulary.style_words, SPELLING))
    similarities = vocabulary.embeddings @ text_encoder.encode([text])[0].cpu()
    chosen: dict[str, str] = {}
    for index in similarities.argsort(descending=True).tolist():
        style, wording = vocabulary.styles[index], vocabulary.wordings[index]
        if style != SOURCE and style not in chosen and spoken.intersection(words(wording)):
            chosen[style] = wording
    return list(chosen.values())[:SUGGESTIONS]
