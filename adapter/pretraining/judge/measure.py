"""How well the judge judges, on heads that its heads were not fitted on."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.evaluation.consistency import retention
from adapter.evaluation.judge import Judge
from adapter.pretraining.judge.data import STYLE_NAMES, Features
from adapter.pretraining.judge.truth import ANSWERS, answer_of

VERSIONS = ("as it is", "augmented")


def report(judge: Judge, held_out: Features) -> dict[str, dict[str, float]]:
    """Balanced accuracies by table and question, and "counts" of styles and people."""
    measured: dict[str, dict[str, float]] = {}
    for version, title in enumerate(VERSIONS):
        features = standardised(judge, held_out, version)
        styles = [STYLE_NAMES[style] for style in held_out.styles]
        rows = {"style": retention([judge.answer(features, "style")], [styles])}
        for question, answers in ANSWERS.items():
            true = [answers[place] for place in answer_of(held_out.facts, question)]
            rows[question] = retention([judge.answer(features, question)], [true])
        rows["who"] = recognised(judge, standardised(judge, held_out, 0), features, held_out)
        measured[f"balanced accuracy, {title}"] = rows
    people = len(np.unique(held_out.people))
    return {**measured, "counts": {"styles": len(STYLE_NAMES), "people": people}}


def standardised(judge: Judge, features: Features, version: int) -> Tensor:
    """The judge's features [N, D] of cached ones."""
    return (torch.from_numpy(features.pooled[:, version]).float() - judge.mean) / judge.deviation


def recognised(judge: Judge, known: Tensor, probes: Tensor, about: Features) -> float:
    """Share of styled pictures whose person is the most similar of all people's plain pictures."""
    styles, people = torch.from_numpy(about.styles.astype(np.int64)), torch.from_numpy(about.people.astype(np.int64))
    known, probes = (centred(judge.who(each), styles) for each in (known, probes))
    plain = styles == 0
    best = (probes[~plain] @ known[plain].T).argmax(dim=1)
    return float((people[plain][best] == people[~plain]).float().mean())


def centred(codes: Tensor, styles: Tensor) -> Tensor:
    """Unit codes after each style's mean is taken away."""
    codes = codes.clone()
    for style in styles.unique():
        codes[styles == style] -= codes[styles == style].mean(dim=0)
    return F.normalize(codes, dim=1)
