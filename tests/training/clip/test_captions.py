import numpy as np
import pytest

from adapter.synthetic.heads.attributes import describe, sample_latent
from adapter.synthetic.heads.facts import FACTS, allowed, facts_of
from adapter.synthetic.styles import STYLES
from adapter.synthetic.styles.style import prompts
from adapter.training.clip.captions import (
    NOTHING,
    SOURCE,
    STYLE_NAMES,
    Caption,
    nonsense_caption,
    person_caption,
    style_caption,
    truth,
    with_filler,
)
from adapter.training.clip.evaluate import FOREIGN, QUESTIONS


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def random_facts(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.stack([facts_of(sample_latent(rng)) for _ in range(count)])


def test_facts_say_what_describe_says(rng: np.random.Generator) -> None:
    for _ in range(50):
        latent = sample_latent(rng)
        facts, described = facts_of(latent), describe(latent)
        assert FACTS["sex"][facts[0]] == described["sex"]
        assert FACTS["age"][facts[1]] == described["age_group"]
        assert bool(facts[5]) == bool(described["glasses"])


def test_a_caption_is_true_of_its_own_image(rng: np.random.Generator) -> None:
    facts = random_facts(rng, 60)
    styles = rng.integers(len(STYLE_NAMES), size=60)
    for _ in range(5):
        captions = [person_caption(rng, int(style), row) for style, row in zip(styles, facts, strict=True)]
        assert truth(captions, styles, facts).diagonal().all()
        assert truth([style_caption(rng, int(style)) for style in styles], styles, facts).diagonal().all()


def test_truth_is_exact() -> None:
    captions = [
        Caption("a man", SOURCE, {"sex": allowed("sex", "man")}),
        Caption("an adult", SOURCE, {"age": allowed("age", "young adult", "middle-aged")}),
        Caption("gold", STYLE_NAMES.index("gold")),
        Caption("a banana", NOTHING),
    ]
    facts = np.zeros((4, len(FACTS)), np.uint8)
    facts[1, 0] = 1
    facts[1, 1] = 2
    styles = np.array([SOURCE, SOURCE, STYLE_NAMES.index("gold"), SOURCE])
    assert truth(captions, styles, facts).tolist() == [
        [True, False, False, False],
        [False, True, False, False],
        [False, False, True, False],
        [True, False, False, False],
    ]


def test_nonsense_is_true_of_nothing(rng: np.random.Generator) -> None:
    captions = [nonsense_caption(rng, ["tractor", "tuesday"]) for _ in range(20)]
    facts = random_facts(rng, 10)
    assert not truth(captions, np.arange(10), facts).any()


def test_filler_keeps_the_meaning(rng: np.random.Generator) -> None:
    caption = Caption("a gold statue", 3, {"sex": 1})
    changed = with_filler(rng, caption, ["xyzzy"])
    assert "xyzzy" in changed.text
    assert [word for word in changed.text.split() if word != "xyzzy"] == caption.text.split()
    assert (changed.style, changed.allows) == (caption.style, caption.allows)


def test_held_out_wordings_are_never_drawn(rng: np.random.Generator) -> None:
    held_out = {text for sets in prompts().values() for text in sets["held_out"]}
    held_out |= {text for _, classes in QUESTIONS.values() for _, texts in classes for text in texts}
    drawn = {style_caption(rng, style).text for style in range(len(STYLE_NAMES)) for _ in range(60)}
    facts = random_facts(rng, 30)
    drawn |= {person_caption(rng, SOURCE, row).text for row in facts for _ in range(60)}
    assert not held_out & drawn


def test_every_style_has_wordings() -> None:
    assert set(prompts()) == {"source", *STYLES}
    for name, sets in prompts().items():
        assert len(set(sets["training"])) >= 5, name
        assert len(set(sets["held_out"])) == 2, name
        assert not set(sets["training"]) & set(sets["held_out"]), name


def test_no_wording_belongs_to_two_styles() -> None:
    everything = [text for sets in prompts().values() for text in (*sets["training"], *sets["held_out"])]
    assert len(everything) == len(set(everything))
    assert not set(FOREIGN) & set(everything)
