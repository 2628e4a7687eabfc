"""What captions can say about a person, and what is true of one."""

import numpy as np

from adapter.synthetic.heads.attributes import describe

# Fact -> its values. A caption allows a set of values of some facts; an image has one value of each.
FACTS: dict[str, tuple[str, ...]] = {
    "sex": ("man", "woman"),
    "age": ("child", "young adult", "middle-aged", "elderly"),
    "hair colour": ("black", "dark brown", "brown", "blond", "grey"),
    "hair length": ("bald", "buzz cut", "short", "medium", "long"),
    "beard": ("no", "yes"),
    "glasses": ("no", "yes"),
    "smile": ("no", "yes"),
    "mouth": ("closed", "open"),
}
_KEYS = {
    "sex": "sex",
    "age": "age_group",
    "hair colour": "hair_colour",
    "hair length": "hair_style",
    "beard": "bearded",
    "glasses": "glasses",
    "smile": "smiling",
    "mouth": "open_mouth",
}


def facts_of(latent: np.ndarray) -> np.ndarray:
    """[F] index of the value of each fact for the head of a latent [32]."""
    described = describe(latent)
    answers = [described[_KEYS[fact]] for fact in FACTS]
    return np.array(
        [
            int(answer) if isinstance(answer, bool | np.bool_) else values.index(str(answer))
            for answer, values in zip(answers, FACTS.values(), strict=True)
        ],
        np.uint8,
    )


def allowed(fact: str, *values: str) -> int:
    """Bit set of values of a fact."""
    return sum(1 << FACTS[fact].index(value) for value in values)
