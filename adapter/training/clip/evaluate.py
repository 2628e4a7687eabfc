"""How well the embedded CLIP reads styles and people: held-out heads, held-out wordings."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.encoders.templates import encode_ensemble
from adapter.encoders.text import TextEncoder
from adapter.synthetic.heads.facts import FACTS
from adapter.synthetic.styles import STYLES
from adapter.synthetic.styles.style import prompts
from adapter.training.clip.captions import SOURCE, STYLE_NAMES, strip_article
from adapter.training.clip.data import Features

# Attribute -> (fact, classes: (values of the fact, wordings that training never used)).
QUESTIONS: dict[str, tuple[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]]] = {
    "sex": (
        "sex",
        (
            (("man",), ("a picture showing the face of a man", "this is a male")),
            (("woman",), ("a picture showing the face of a woman", "this is a female")),
        ),
    ),
    "hair colour": (
        "hair colour",
        (
            (("black",), ("a colour photo showing someone with black hair", "black hair")),
            (("dark brown", "brown"), ("a colour photo showing someone with brown hair", "brown hair")),
            (("blond",), ("a colour photo showing someone with blonde hair", "blond hair")),
            (("grey",), ("a colour photo showing someone with grey hair", "grey hair")),
        ),
    ),
    "glasses": (
        "glasses",
        (
            (("no",), ("this is a person with no glasses", "the human face with no spectacles")),
            (("yes",), ("this is a person with glasses", "the human face with spectacles")),
        ),
    ),
    "beard": (
        "beard",
        (
            (("no",), ("this is a clean-shaven man", "a picture showing a man with no beard")),
            (("yes",), ("this is a bearded man", "a picture showing a man with a beard")),
        ),
    ),
    "age group": (
        "age",
        (
            (("child",), ("this is a picture of a kid", "a photo of the face of a child")),
            (("young adult", "middle-aged"), ("this is a picture of an adult", "a photo of the face of an adult")),
            (("elderly",), ("this is a picture of an old person", "a photo of the face of an elderly person")),
        ),
    ),
    "smile": (
        "smile",
        (
            (("no",), ("this is a serious face", "a picture showing someone with a neutral expression")),
            (("yes",), ("this is a smiling face", "a picture showing someone with a happy smile")),
        ),
    ),
}
# What people might ask for that no style stands for; never used in training or for the threshold's other half.
FOREIGN = (
    "a banana", "a castle at sunset", "a sports car", "the eiffel tower", "a plate of spaghetti", "a golden retriever",
    "a spreadsheet", "quantum physics", "a mountain lake", "a cup of coffee", "a violin", "an astronaut on a horse",
    "a submarine", "a sunflower field", "a basketball player", "a map of europe", "a laptop", "a wedding dress",
    "a thunderstorm", "a bowl of cherries",
)  # fmt: skip


def style_accuracy(image: Tensor, styles: np.ndarray, text: TextEncoder) -> dict[str, float]:
    """Zero-shot top-1 accuracy over all styles (the plain render is one of the answers).

    Args:
        image: [N, D] unit embeddings.
        styles: [N] true styles.
        text: encoder of the same space.

    Returns:
        "single": mean over the held-out wordings, each used alone; "ensemble": their mean embedding;
        "templates": the first wording through the ImageNet templates.
    """
    wordings = [prompts()[name]["held_out"] for name in STYLE_NAMES]
    single = [_balanced(image, styles, text.encode([pair[k] for pair in wordings])) for k in range(len(wordings[0]))]
    together = torch.stack([F.normalize(text.encode(pair).mean(0), dim=0) for pair in wordings])
    first = [strip_article(prompts()[name]["training"][0]) for name in STYLE_NAMES]
    return {
        "single": float(np.mean(single)),
        "ensemble": _balanced(image, styles, together),
        "templates": _balanced(image, styles, encode_ensemble(text, first)),
    }


def confusions(image: Tensor, styles: np.ndarray, text: TextEncoder) -> list[tuple[str, str, float]]:
    """The most frequent mistakes: (style, taken for, share), worst first."""
    together = torch.stack(
        [F.normalize(text.encode(prompts()[name]["held_out"]).mean(0), dim=0) for name in STYLE_NAMES]
    )
    answers = (image @ together.T).argmax(1).numpy()
    found = []
    for style in range(len(STYLE_NAMES)):
        given = np.bincount(answers[styles == style], minlength=len(STYLE_NAMES)) / max((styles == style).sum(), 1)
        given[style] = 0
        found.append((STYLE_NAMES[style], STYLE_NAMES[int(given.argmax())], float(given.max())))
    return sorted(found, key=lambda item: -item[2])


def attribute_accuracy(image: Tensor, facts: np.ndarray, text: TextEncoder) -> dict[str, float]:
    """Balanced zero-shot accuracy per attribute, mean over wordings each used alone.

    Args:
        image: [N, D] unit embeddings of plain renders.
        facts: [N,F] their values.
        text: encoder of the same space.
    """
    result = {}
    for name, (fact, classes) in QUESTIONS.items():
        column = list(FACTS).index(fact)
        group = np.array([next(k for k, (values, _) in enumerate(classes) if value in values) for value in FACTS[fact]])
        truth = group[facts[:, column]]
        wordings = range(len(classes[0][1]))
        result[name] = float(
            np.mean([_balanced(image, truth, text.encode([texts[k] for _, texts in classes])) for k in wordings])
        )
    return result


def vocabulary_separation(text: TextEncoder) -> dict[str, float]:
    """Similarity to the nearest known prompt: of held-out wordings, and of phrases that name no style.

    Returns:
        Quantiles of both, and "threshold" halfway between the 2 % quantile of the first and the 90 % quantile of the
        second.
    """
    known = text.encode([phrase for name in STYLE_NAMES for phrase in prompts()[name]["training"]])
    inside = _nearest(text, [phrase for name in STYLES for phrase in prompts()[name]["held_out"]], known)
    outside = _nearest(text, FOREIGN, known)
    low, high = float(inside.quantile(0.02)), float(outside.quantile(0.9))
    return {
        "known 2 %": low,
        "known median": float(inside.median()),
        "foreign median": float(outside.median()),
        "foreign 90 %": high,
        "threshold": (low + high) / 2,
    }


@torch.no_grad()
def embed(model: torch.nn.Module, features: Features, version: int = 0) -> Tensor:
    """[N, D] unit embeddings of cached features."""
    return F.normalize(model.visual.head(torch.from_numpy(features.pooled[:, version]).float()), dim=-1)


def report(model: torch.nn.Module, text: TextEncoder, styled: Features, plain: Features) -> dict[str, dict]:
    """All measurements of a model; see the functions above."""
    image = embed(model, styled)
    shown = plain.styles == SOURCE
    return {
        "style accuracy": style_accuracy(image, styled.styles, text),
        "style accuracy, augmented": style_accuracy(embed(model, styled, 1), styled.styles, text),
        "attribute accuracy": attribute_accuracy(embed(model, plain)[shown], plain.facts[shown], text),
        "vocabulary": vocabulary_separation(text),
    }


def _balanced(image: Tensor, truth: np.ndarray, answers: Tensor) -> float:
    """Mean over classes of the share recognised."""
    chosen = (image @ answers.T).argmax(1).numpy()
    return float(np.mean([(chosen[truth == value] == value).mean() for value in np.unique(truth)]))


def _nearest(text: TextEncoder, phrases: Sequence[str], known: Tensor) -> Tensor:
    return (text.encode(list(phrases)) @ known.T).max(1).values
