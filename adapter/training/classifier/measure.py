"""How well the judge judges, on heads that its heads were not fitted on."""

import torch
from torch import Tensor

from adapter.evaluation.classifier import Classifier
from adapter.evaluation.consistency import retention
from adapter.training.classifier.data import STYLE_NAMES, Features
from adapter.training.classifier.truth import ANSWERS, answer_of

VERSIONS = ("as it is", "augmented")


def report(judge: Classifier, held_out: Features) -> dict[str, dict[str, float]]:
    """Balanced accuracies by table and question."""
    measured: dict[str, dict[str, float]] = {}
    for version, title in enumerate(VERSIONS):
        features = standardised(judge, held_out, version)
        styles = [STYLE_NAMES[style] for style in held_out.styles]
        rows = {"style": retention([judge.answer(features, "style")], [styles])}
        for question, answers in ANSWERS.items():
            true = [answers[place] for place in answer_of(held_out.facts, question)]
            rows[question] = retention([judge.answer(features, question)], [true])
        measured[f"balanced accuracy, {title}"] = rows
    return measured


def standardised(judge: Classifier, features: Features, version: int) -> Tensor:
    """The judge's features [N, D] of cached ones."""
    return (torch.from_numpy(features.pooled[:, version]).float() - judge.mean) / judge.deviation
