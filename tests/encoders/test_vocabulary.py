"""The stated vocabulary of the embedded CLIP: what it takes, what it refuses, and what it says then."""

import json
import shutil

import pytest
import torch

from adapter.encoders import TextEncoder, load_text_encoder
from adapter.encoders.models import EMBEDDED_MODELS
from adapter.encoders.vocabulary import load_vocabulary, make_vocabulary, understand
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


class Fake:
    """Reads one letter per prompt: a to d are four directions, anything else lies between all of them."""

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


def test_foreign_phrases_are_refused_with_suggestions(text, vocabulary) -> None:
    for prompt in FOREIGN:
        found = understand(prompt, text, vocabulary)
        assert not found.known, prompt
        assert len(found.suggestions) == 3
        assert all(wording in found.message for wording in found.suggestions)
        assert all(understand(wording, text, vocabulary).known for wording in found.suggestions)


def test_a_misspelt_style_is_suggested_first(text, vocabulary) -> None:
    assert "bronze" in understand("bronz", text, vocabulary).suggestions[0]
    assert "watercolour" in understand("watercolur", text, vocabulary).suggestions[0]


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
    assert understand("x alpha beta", Fake(), low).known
    assert not understand("x alpha beta", Fake(), high).known
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
