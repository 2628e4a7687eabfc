"""Linear heads on the judge's features, each by a convex problem: no seed, no schedule."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.training.classifier.data import Features
from adapter.training.classifier.truth import answer_of

PENALTY = 3e-4
"""Weight of the squared weights in the logistic heads."""
SMALLEST_DEVIATION = 1e-3
"""Added to the deviations, so that channels that hardly ever fire do not shout."""


def logistic(features: Tensor, classes: Sequence[int], count: int, steps: int = 60) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression with balanced classes and a squared penalty, by L-BFGS.

    Args:
        features: [N, D], standardised.
        classes: [N] in range(count); each class weighs the same in sum.

    Returns:
        Weight [count, D] and bias [count].
    """
    target = torch.as_tensor(np.asarray(classes), dtype=torch.long)
    present = torch.bincount(target, minlength=count).clamp_min(1)
    balance = 1 / present.float() / (present > 0).sum()
    weight = torch.zeros(count, features.shape[1], requires_grad=True)
    bias = torch.zeros(count, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=steps, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(features, weight, bias), target, balance, reduction="mean")
        loss = loss + PENALTY * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach(), bias.detach()


def fit_heads(
    training: Features, answers: dict[str, tuple[str, ...]], report: Callable[[str], None]
) -> dict[str, Tensor]:
    """All tensors that `adapter.evaluation.classifier.Classifier` needs besides its trunk.

    Args:
        training: cached features, both versions of each image are used.
        answers: the answers by question.
        report: gets a line per head.
    """
    versions = training.pooled.shape[1]
    raw = training.pooled.reshape(-1, training.pooled.shape[-1]).astype(np.float32)
    mean, deviation = raw.mean(axis=0), raw.std(axis=0) + SMALLEST_DEVIATION
    features = (raw - mean) / deviation
    heads = {"mean": torch.from_numpy(mean), "deviation": torch.from_numpy(deviation)}
    for question, values in answers.items():
        classes = training.styles if question == "style" else answer_of(training.facts, question)
        weight, bias = logistic(torch.from_numpy(features), np.repeat(classes, versions), len(values))
        heads |= {f"{question}.weight": weight, f"{question}.bias": bias}
        report(f"{question}: fitted")
    return heads
