"""The words of a prompt in the embedded CLIP's English: translated, corrected, without words that only praise.

A CLIP trained on the web has met other languages, typing errors and "masterpiece, 8k". The embedded one has not, so a
small table translates, and difflib corrects. The rules are ours.
"""

import difflib
import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from adapter.utils.storage import read_json

FILE = Path(__file__).with_name("translations.json")
"""English phrases with their words in German, French, Spanish, Chinese and Japanese; most are names of styles."""
LEAST_LETTERS = 5
"""Shorter words are not corrected: too many others are one letter away."""
SURE = 0.83
"""How much a word must resemble a known one (difflib's ratio) to be read as it."""
# Words that prompts for large diffusion models carry; they praise the picture and say nothing about its style.
_PRAISE = (
    "masterpiece best quality high highly highest ultra super hd uhd hdr fhd k res resolution detail details detailed "
    "intricate sharp focus trending artstation deviantart cgsociety octane unreal engine ue raytracing award winning "
    "awarded stunning beautiful gorgeous amazing epic perfect professional cinematic lighting photorealistic "
    "hyperrealistic realistic hyper aesthetic dramatic elegant bokeh dslr please lora absurdres"
)
PRAISE = frozenset(_PRAISE.split())
_FIRST_OF_CJK = 0x2E80
_MOST_WORDS = 5
_ENDING = re.compile(r"(en|em|er|es|os|as|e|a|o|s|n)$")
_LEAST_STEM = 5


def words(text: str) -> list[str]:
    """The words of a text in lower case, without digits and signs."""
    return re.findall(r"[^\W\d_]+", text.lower())


def segments(prompt: str) -> list[str]:
    """A prompt cut at its commas and other signs that separate."""
    return [part.strip() for part in re.split(r"[,;:.!?|()\[\]{}\n，、。；：！？（）]+", prompt) if part.strip()]


def to_english(text: str, known: Collection[str]) -> str:
    """Translate the words of a text that are not known; what the table lacks stays, in lower case.

    Args:
        text: a segment of a prompt, in any of the table's languages.
        known: English words.
    """
    tokens = re.findall(r"[\w'-]+", fold(text))
    found: list[str] = []
    while tokens:
        longest = min(_MOST_WORDS, len(tokens))
        for count in range(longest, 0, -1):
            english = _phrase(tokens[:count], known)
            if english is not None:
                found.append(english)
                tokens = tokens[count:]
                break
        else:
            found.append(_compound(tokens.pop(0), known))
    return " ".join(found)


def correct(
    word: str, known: Collection[str], candidates: Iterable[str], is_common: Callable[[str], bool] = lambda _: False
) -> str:
    """The candidate that a word is a misspelling of, or the word itself.

    Args:
        word: in lower case.
        known: words that are right as they are.
        candidates: words that it may stand for.
        is_common: whether a word is a common one of English, which is no misspelling.
    """
    if len(word) < LEAST_LETTERS or word in known or is_common(word):
        return word
    return next(iter(close(word, candidates, SURE)), word)


def close(word: str, candidates: Iterable[str], ratio: float) -> list[str]:
    """The candidate with the same first letter that resembles a word most, if one does by that ratio."""
    return difflib.get_close_matches(word, [each for each in candidates if each[0] == word[0]], 1, ratio)


def fold(text: str) -> str:
    """Lower case, full-width letters made plain, and accents taken off Latin letters; other scripts stay."""
    folded: list[str] = []
    for letter in unicodedata.normalize("NFKC", text).lower().replace("ß", "ss").replace("’", "'"):
        base = unicodedata.normalize("NFD", letter)[0]
        folded.append(base if base.isascii() else letter)
    return "".join(folded)


def _is_cjk(text: str) -> bool:
    return any(ord(letter) >= _FIRST_OF_CJK for letter in text)


@functools.cache
def _table() -> dict[str, str]:
    """English phrase of every folded foreign one; the first of two wins."""
    table: dict[str, str] = {}
    for english, languages in read_json(FILE).items():
        for phrase in (phrase for phrases in languages.values() for phrase in phrases):
            table.setdefault(" ".join(re.findall(r"[\w'-]+", fold(phrase))), english)
    return table


@functools.cache
def _stems() -> dict[str, str]:
    stems: dict[str, str] = {}
    for phrase, english in _table().items():
        if " " not in phrase and len(_stem(phrase)) >= _LEAST_STEM:
            stems.setdefault(_stem(phrase), english)
    return stems


def _stem(word: str) -> str:
    return _ENDING.sub("", word)


def _phrase(tokens: list[str], known: Collection[str]) -> str | None:
    """English for one token or several that stand together; None if the table lacks them."""
    elided = "'" in tokens[0] and " ".join(tokens) in _table()  # "d'or" is not the English "or"
    if len(tokens) == 1 and not elided and all(word in known for word in words(tokens[0])):
        return tokens[0]
    english = _table().get(" ".join(tokens))
    if english is None and len(tokens) == 1:
        english = _stems().get(_stem(tokens[0]))
    return english


def _compound(token: str, known: Collection[str]) -> str:
    """English for a word that is made of others: of characters, as in "青铜雕像", or of two, as in "Bronzestatue"."""
    if _is_cjk(token):
        return _characters(token)
    if "'" in token:
        return " ".join(_phrase([part], known) or part for part in token.split("'") if part)
    for cut in range(len(token) - 3, 2, -1):
        second = _phrase([token[cut:]], known)
        first = second and (_phrase([token[:cut]], known) or _phrase([re.sub("(s|n|en)$", "", token[:cut])], known))
        if first:
            return f"{first} {second}"
    return token


def _characters(run: str) -> str:
    """English for a run of characters, the longest phrases first.

    A single character that stands beside unknown ones belongs to their word: "银" in "银行" is no silver.
    """
    table, found, place = _table(), [], 0
    longest = max(len(phrase) for phrase in table if _is_cjk(phrase))
    while place < len(run):
        size = next((n for n in range(min(longest, len(run) - place), 0, -1) if run[place : place + n] in table), 0)
        piece = run[place : place + max(1, size)]
        found.append((piece, table[piece] if size else ""))
        place += len(piece)
    if all(english for _, english in found):
        return " ".join(english for _, english in found)
    joined: list[str] = []
    for sure, group in itertools.groupby(found, lambda each: len(each[0]) > 1 and bool(each[1])):
        pieces = list(group)
        joined += [english for _, english in pieces] if sure else ["".join(piece for piece, _ in pieces)]
    return " ".join(joined)
