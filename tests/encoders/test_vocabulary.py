"""The stated vocabulary of the embedded CLIP: what it takes, what it refuses, and what it says then."""

import contextlib
import json
import shutil
import time

import pytest
import torch

from adapter.encoders import TextEncoder, load_text_encoder
from adapter.encoders.models import EMBEDDED_MODELS
from adapter.encoders.prompt_words import FILE as TRANSLATIONS
from adapter.encoders.prompt_words import words
from adapter.encoders.vocabulary import EXAMPLES, load_vocabulary, make_vocabulary, understand
from adapter.errors import UserError

# Neither training nor the choice of the threshold ever saw these.
UNDERSTOOD = {
    "turn me into a zombie": "zombie",
    "a face carved in marble": "marble",
    "in the style of van gogh": "van gogh",
    "a picasso style portrait": "cubism",
    "a robot head with glowing eyes": "robot",
    "covered in moss and leaves": "topiary",
    "golden statue of a man": "gold",
    "oil painting of an old man": "oil painting",
    "low poly model": "low poly",
    "chalk on a blackboard": "chalkboard",
    "X-Ray image": "x-ray",
}
FOREIGN = (
    "a bowl of soup", "the moon landing", "a tax return", "a football match", "a helicopter", "an iceberg in the sea",
    "a birthday party", "a mountain of gold coins", "a nurse", "a dinosaur skeleton in a museum", "42", "asdf qwer",
)  # fmt: skip

CORES = {
    "a bronze statue, masterpiece, 8k": "bronze",
    "(a bronze statue:1.3), best quality": "bronze",
    "bronze statue of my grandmother with flowers in the garden": "bronze",
    "highly detailed oil painting of a castle by Greg Rutkowski": "oil painting",
    "anime girl, masterpiece, best quality, ultra-detailed, 8k uhd": "anime",
    "cyberpunk portrait, neon lights, unreal engine 5": "neon",
    "broze statue": "bronze",
    "marbel bust": "marble",
    "pensil sketch": "pencil sketch",
    "watercolur": "watercolour",
    "a vampier": "vampire",
    "skelleton": "skeleton",
    "eine Bronzestatue": "bronze",
    "eine Marmorbüste": "marble",
    "ein Kopf aus Holz": "wood",
    "Bleistiftzeichnung einer Frau": "pencil sketch",
    "ein Gemälde im Stil von van Gogh": "van gogh",
    "verwandle mich in einen Roboter": "robot",
    "ein Zombie, sehr detailliert, 4k": "zombie",
    "eine goldene Statue": "gold",
    "Ölgemälde einer alten Frau": "oil painting",
    "une statue de bronze": "bronze",
    "une statue en or": "gold",
    "statue d'or": "gold",
    "un dessin au crayon": "pencil sketch",
    "peinture à l’huile": "oil painting",
    "L'impressionnisme": "impressionism",
    "mosaïque romaine": "mosaic",
    "un squelette": "skeleton",
    "una estatua de bronce": "bronze",
    "un busto de mármol": "marble",
    "una máscara de madera": "wood",
    "un vampiro pálido": "vampire",
    "dibujo a lápiz de una mujer": "pencil sketch",
    "acuarela": "watercolour",
    "青铜雕像": "bronze",
    "把我变成僵尸": "zombie",
    "梵高风格的肖像画": "van gogh",
    "水墨画": "ink wash",
    "一个机器人": "robot",
    "ブロンズの像": "bronze",
    "ゾンビにして": "zombie",
    "ゴッホ風の肖像画": "van gogh",
    "木彫りの仮面": "wood",
    "ドット絵": "pixel art",
    "ステンドグラス": "stained glass",
}
"""Each is read as something other than it says, and the message tells as what."""


class Fake:
    """Reads one letter per prompt: a to d are four directions, anything else lies between all of them."""

    def check(self, prompt):
        assert prompt

    def is_common_word(self, word):
        return True

    def encode(self, prompts):
        rows = [torch.eye(4)["abcd".index(p[0])] if p[0] in "abcd" else torch.full((4,), 0.5) for p in prompts]
        return torch.stack(rows)


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    return load_text_encoder("clip-heads")


@pytest.fixture(scope="module")
def vocabulary(text):
    return load_vocabulary("clip-heads", text)


def test_every_wording_of_a_style_is_understood_as_a_style(text, vocabulary) -> None:
    assert len(vocabulary.names) >= 40
    pairs = zip(vocabulary.styles, vocabulary.wordings, strict=True)
    for style, wording in list(pairs)[::9]:
        found = understand(wording, text, vocabulary)
        assert found.known == (style != "source"), wording
        assert found.similarity == pytest.approx(1, abs=1e-4)
        assert bool(found.message) == (style == "source")


def test_new_phrases_of_known_words_are_read_as_their_style(text, vocabulary) -> None:
    read = {prompt: understand(prompt, text, vocabulary).style for prompt in UNDERSTOOD}
    assert read == UNDERSTOOD


def test_foreign_phrases_are_refused_with_related_suggestions_only(text, vocabulary) -> None:
    for prompt in FOREIGN:
        found = understand(prompt, text, vocabulary)
        assert not found.known, prompt
        assert len(found.suggestions) <= 3
        assert all(set(words(prompt)).intersection(words(wording)) for wording in found.suggestions), prompt
        assert all(wording in found.message for wording in found.suggestions or EXAMPLES)
        assert all(understand(wording, text, vocabulary).known for wording in found.suggestions)
    assert "gold" in understand("a mountain of gold coins", text, vocabulary).suggestions[0]
    assert "skeleton" in understand("a dinosaur skeleton in a museum", text, vocabulary).suggestions[0]


@pytest.mark.parametrize(("prompt", "style"), CORES.items())
def test_the_known_core_of_a_prompt_is_kept(text, vocabulary, prompt, style) -> None:
    found = understand(prompt, text, vocabulary)
    assert (found.known, found.style) == (True, style)
    assert found.text in found.message
    assert understand(found.text, text, vocabulary).style == style


def test_every_style_has_its_word_in_five_languages(text, vocabulary) -> None:
    table = json.loads(TRANSLATIONS.read_text(encoding="utf-8"))
    for style in vocabulary.names:
        languages = table["cartoon" if style == "toon" else style]
        assert set(languages) == {"de", "fr", "es", "zh", "ja"}
        wrong = {w for each in languages.values() for w in each if understand(w, text, vocabulary).style != style}
        assert not wrong, style


def test_words_that_only_look_like_a_style_are_no_misspellings(text, vocabulary) -> None:
    for prompt in ("a crown", "a grass field", "a store", "a saint", "golden retriever", "a red car", "银行"):
        assert not understand(prompt, text, vocabulary).known, prompt
    assert understand("a crown", text, vocabulary).suggestions == []


def test_a_prompt_is_read_in_linear_time(text, vocabulary) -> None:
    started = time.perf_counter()
    for prompt in ("x" * 4000, "bronze, " * 500, "x" * 380, "b'" * 190, "青" * 380, "brxze, " * 50):
        with contextlib.suppress(UserError):
            understand(prompt, text, vocabulary)
    assert time.perf_counter() - started < 3


def test_a_misspelt_style_is_read_or_suggested(text, vocabulary) -> None:
    assert understand("bronz", text, vocabulary).style == "bronze"
    assert "gold" in understand("gpld", text, vocabulary).suggestions[0]


def test_words_it_does_not_know_are_named(text, vocabulary) -> None:
    found = understand("a cute bronze statue", text, vocabulary)
    assert found.known
    assert found.style == "bronze"
    assert found.unknown_words == ["cute"]
    assert "cute" in found.message


def test_asking_for_the_plain_base_is_no_style(text, vocabulary) -> None:
    assert not understand("an ordinary photo of a person", text, vocabulary).known


def test_without_a_vocabulary_everything_is_understood(text) -> None:
    found = understand("a helicopter", text, None)
    assert found.known
    assert (found.similarity, found.suggestions, found.message) == (1.0, [], "")


def test_empty_and_long_prompts_are_refused(text, vocabulary) -> None:
    with pytest.raises(UserError, match="empty"):
        understand("  ", text, vocabulary)
    with pytest.raises(UserError, match="too long"):
        understand("bronze " * 40, text, vocabulary)


def test_the_threshold_is_what_divides() -> None:
    pairs = [("one", "a alpha"), ("two", "b beta"), ("source", "c plain")]
    low, high = (make_vocabulary(pairs, threshold, Fake()) for threshold in (0.4, 0.6))
    assert understand("x", Fake(), low).known is False  # an unknown word only
    assert understand("x alpha beta", Fake(), low).text == "x alpha beta"
    assert understand("x alpha beta", Fake(), high).text == "alpha", "the core is near enough, the whole is not"
    assert understand("a alpha", Fake(), high).style == "one"
    assert not understand("c plain", Fake(), high).known


def test_only_folders_with_the_file_have_a_vocabulary(text, tmp_path) -> None:
    assert load_vocabulary("ViT-B-32", text) is None
    assert load_vocabulary(tmp_path, text) is None


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"threshold": 0.7, "styles": 3}', '{"threshold": 0, "styles": {"a": ["b"]}}']
)
def test_a_damaged_file_is_a_sentence(text, tmp_path, content) -> None:
    (tmp_path / "vocabulary.json").write_text(content)
    with pytest.raises(UserError, match=r"vocabulary\.json"):
        load_vocabulary(tmp_path, text)


def test_a_folder_works_like_the_name(text, vocabulary, tmp_path) -> None:
    shutil.copy(EMBEDDED_MODELS["clip-heads"] / "vocabulary.json", tmp_path)
    again = load_vocabulary(tmp_path, text)
    assert again.threshold == json.loads((tmp_path / "vocabulary.json").read_text())["threshold"]
    torch.testing.assert_close(again.embeddings, vocabulary.embeddings)
