"""Captions of renders in many wordings, each with the exact set of images that it is true of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from adapter.encoders.templates import apply_templates
from adapter.synthetic.heads.facts import FACTS, allowed
from adapter.synthetic.styles.style import prompts

STYLE_NAMES: tuple[str, ...] = tuple(prompts())
SOURCE = STYLE_NAMES.index("source")
NOTHING = -1  # style of a caption that is true of no image

# Fact -> (values that a phrase allows, phrases). "with" phrases follow a noun, "is" phrases precede it.
WITH: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "hair colour": (
        (("black",), ("black hair", "jet black hair")),
        (("dark brown",), ("dark brown hair", "dark hair")),
        (("brown",), ("brown hair", "light brown hair")),
        (("blond",), ("blond hair", "blonde hair", "fair hair", "yellow hair")),
        (("grey",), ("grey hair", "gray hair", "white hair", "silver hair")),
    ),
    "hair length": (
        (("bald",), ("no hair", "a bald head", "a shaved head")),
        (("buzz cut",), ("a buzz cut", "very short hair", "cropped hair")),
        (("short", "buzz cut"), ("short hair", "a short haircut")),
        (("medium",), ("medium hair", "hair to the jaw", "a bob")),
        (("long",), ("long hair", "hair to the shoulders")),
    ),
    "beard": (
        (("yes",), ("a beard", "facial hair", "stubble", "a full beard")),
        (("no",), ("no beard", "a shaved chin", "no facial hair")),
    ),
    "glasses": (
        (("yes",), ("glasses", "spectacles", "eyeglasses", "black glasses")),
        (("no",), ("no glasses", "no spectacles", "bare eyes")),
    ),
    "smile": (
        (("yes",), ("a smile", "a happy smile", "a smiling mouth")),
        (("no",), ("a serious face", "a neutral expression", "no smile")),
    ),
    "mouth": (
        (("open",), ("an open mouth", "a wide open mouth")),
        (("closed",), ("a closed mouth", "closed lips")),
    ),
}
IS: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "age": (
        (("child",), ("very young", "little", "small")),
        (("young adult",), ("young", "youthful", "young adult")),
        (("middle-aged",), ("middle-aged", "mature")),
        (("young adult", "middle-aged"), ("adult", "grown-up")),
        (("elderly",), ("old", "elderly", "aged", "very old")),
    ),
    "beard": ((("yes",), ("bearded",)), (("no",), ("clean-shaven", "beardless"))),
    "smile": ((("yes",), ("smiling", "happy", "laughing")), (("no",), ("serious", "stern"))),
    "hair colour": (
        (("black",), ("black-haired",)),
        (("brown",), ("brown-haired",)),
        (("blond",), ("blond", "blonde")),
        (("grey",), ("grey-haired",)),
    ),
    "hair length": ((("bald",), ("bald",)), (("long",), ("long-haired",))),
}
NOUNS: dict[tuple[str | None, bool], tuple[str, ...]] = {
    ("man", False): ("man", "male", "guy", "male person", "gentleman", "man's face", "male face"),
    ("woman", False): ("woman", "female", "lady", "female person", "woman's face", "female face"),
    ("man", True): ("boy", "male child", "little boy"),
    ("woman", True): ("girl", "female child", "little girl"),
    (None, False): ("person", "face", "human", "head", "portrait", "someone", "human face", "human head"),
    (None, True): ("child", "kid", "little child", "young child"),
}
FRAMES = (
    "{style} of {person}", "{style} of {person}", "{style} of {person}", "{person} as {style}",
    "{person} in the style of {style}", "{style}: {person}", "{style}, {person}", "{style} showing {person}",
    "{person} turned into {style}", "{person} that looks like {style}",
)  # fmt: skip
STYLE_FRAMES = (
    "{}", "{}", "{}", "{} of a face", "{} of a person", "{} of a head", "a head in the style of {}", "{} portrait",
    "a face as {}", "a person as {}", "in the style of {}", "the style of {}", "{} style", "{}, detailed", "this is {}",
    "make it {}", "turn it into {}", "looks like {}",
)  # fmt: skip
# Facts that are harder to see are mentioned more often.
EMPHASIS = {"age": 3.0, "beard": 2.0, "sex": 1.5, "hair colour": 1.5}
# Templates that name another medium would contradict the plain render.
MEDIA = (
    "sculpture", "rendering", "graffiti", "tattoo", "embroidered", "drawing", "doodle", "sketch", "plastic", "toy",
    "art", "rendition", "painting", "plushie", "cartoon", "origami", "video game", "plush",
)  # fmt: skip


@dataclass(frozen=True)
class Caption:
    """A text and what it is true of.

    Attributes:
        text: the caption.
        style: index into STYLE_NAMES, or NOTHING.
        allows: bit set of values by fact; facts that are not mentioned allow all.
    """

    text: str
    style: int
    allows: dict[str, int] = field(default_factory=dict)


def style_caption(rng: np.random.Generator, style: int) -> Caption:
    """A caption that names only the style."""
    phrase = _choose(rng, prompts()[STYLE_NAMES[style]]["training"])
    draw = rng.random()
    if style == SOURCE and draw < 0.35:
        return Caption(_article(_choose(rng, NOUNS[None, False])), style)
    if draw < 0.45:
        return Caption(_in_template(rng, phrase, neutral=style == SOURCE), style)
    return Caption(_choose(rng, STYLE_FRAMES if style != SOURCE else STYLE_FRAMES[:6]).format(phrase), style)


def person_caption(rng: np.random.Generator, style: int, facts: np.ndarray) -> Caption:
    """A caption that says one to three true things about the person in an image.

    Args:
        rng: source of the wording.
        style: of the image.
        facts: [F] values of the image.
    """
    true = {fact: values[index] for (fact, values), index in zip(FACTS.items(), facts, strict=True)}
    visible = [fact for fact in FACTS if style == SOURCE or fact != "hair colour"]
    odds = np.array([EMPHASIS.get(fact, 1.0) for fact in visible])
    chosen = set(rng.choice(visible, size=int(rng.integers(1, 4)), replace=False, p=odds / odds.sum()).tolist())
    allows: dict[str, int] = {}
    before, after = [], []
    child = "age" in chosen and true["age"] == "child"
    if "sex" in chosen:
        allows["sex"] = allowed("sex", true["sex"])
    if child:
        allows["age"] = allowed("age", "child")
    noun = _choose(rng, NOUNS[true["sex"] if "sex" in chosen else None, child])
    for fact in sorted(chosen - {"sex"}):
        if fact == "age" and child and rng.random() < 0.7:
            continue
        tables = [table for table in (WITH, IS) if _phrases(table, fact, true[fact])]
        if not tables:
            continue
        table = tables[int(rng.integers(len(tables)))]
        values, phrases = _phrases(table, fact, true[fact])[0 if rng.random() < 0.6 else -1]
        (after if table is WITH else before).append(_choose(rng, phrases))
        allows[fact] = allowed(fact, *values)
    rng.shuffle(before)
    rng.shuffle(after)
    joint = _choose(rng, ("with", "with", "who has", "having"))
    person = _article(" ".join([*before, noun])) + (f" {joint} {' and '.join(after)}" if after else "")
    if style == SOURCE and rng.random() < 0.3:
        return Caption(person, style, allows)
    phrase = _choose(rng, prompts()[STYLE_NAMES[style]]["training"])
    return Caption(_choose(rng, FRAMES).format(style=phrase, person=person), style, allows)


def nonsense_caption(rng: np.random.Generator, words: Sequence[str]) -> Caption:
    """A caption of words outside the vocabulary: true of no image."""
    phrase = " ".join(_choose(rng, words) for _ in range(int(rng.integers(1, 4))))
    draw = rng.random()
    if draw < 0.4:
        return Caption(_article(phrase), NOTHING)
    if draw < 0.75:
        return Caption(_in_template(rng, phrase, neutral=False), NOTHING)
    return Caption(_choose(rng, STYLE_FRAMES).format(_article(phrase)), NOTHING)


def with_filler(rng: np.random.Generator, caption: Caption, words: Sequence[str]) -> Caption:
    """The same caption with a word or two that mean nothing to the model; it stays true of the same images."""
    parts = caption.text.split()
    for _ in range(int(rng.integers(1, 3))):
        parts.insert(int(rng.integers(len(parts) + 1)), _choose(rng, words))
    return Caption(" ".join(parts), caption.style, caption.allows)


def truth(captions: Sequence[Caption], styles: np.ndarray, facts: np.ndarray) -> np.ndarray:
    """[N,M] bool: caption M is true of image N.

    Args:
        captions: M captions.
        styles: [N] style of each image.
        facts: [N,F] values of each image.
    """
    true = styles[:, None] == np.array([caption.style for caption in captions])[None]
    for column, (fact, values) in enumerate(FACTS.items()):
        sets = np.array([caption.allows.get(fact, (1 << len(values)) - 1) for caption in captions])
        true &= (sets[None] >> facts[:, column].astype(np.int64)[:, None]) & 1 == 1
    return true


def strip_article(phrase: str) -> str:
    """The phrase without a leading article, as templates want it."""
    for article in ("a ", "an ", "the "):
        if phrase.startswith(article):
            return phrase[len(article) :]
    return phrase


def _phrases(table: dict, fact: str, value: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(values, phrases) for values, phrases in table.get(fact, ()) if value in values]


def _in_template(rng: np.random.Generator, phrase: str, neutral: bool) -> str:
    texts = apply_templates(strip_article(phrase))
    if neutral:
        texts = [text for text in texts if not any(medium in text for medium in MEDIA)]
    return _choose(rng, texts)


def _article(phrase: str) -> str:
    if phrase == "someone":
        return phrase
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def _choose(rng: np.random.Generator, items: Sequence[str]) -> str:
    return items[int(rng.integers(len(items)))]
