"""Linear heads on the judge's features, in closed form or by a convex problem: no seed, no schedule."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy import linalg
from torch import Tensor
from torch.nn import functional as F

from adapter.pretraining.judge.data import Features
from adapter.pretraining.judge.truth import answer_of

PENALTY = 3e-4
"""Weight of the squared weights in the logistic heads."""
RIDGE = 0.1
"""Share of the mean variance that is added to the scatter within people."""
IDENTITY_WIDTH = 48
"""Directions kept by `identity`."""
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


def identity(features: np.ndarray, people: np.ndarray, domains: np.ndarray, width: int = IDENTITY_WIDTH) -> Tensor:
    """Fisher's linear discriminants: directions in which people differ much and pictures of one person little.

    Args:
        features: [N, D], standardised.
        people: [N] number of the person.
        domains: [N] style of the picture; each style's mean is taken away first, as `retrieval_accuracy` does.

    Returns:
        [D, width], scaled so that pictures of one person scatter by 1 in each direction.
    """
    features = features.astype(np.float64)
    for domain in np.unique(domains):
        features[domains == domain] -= features[domains == domain].mean(axis=0)
    names, index = np.unique(people, return_inverse=True)
    sums = np.zeros((len(names), features.shape[1]))
    np.add.at(sums, index, features)
    counts = np.bincount(index)[:, None]
    means = sums / counts
    inner = features - means[index]
    within = inner.T @ inner / (len(features) - len(names))
    between = (means * np.sqrt(counts)).T @ (means * np.sqrt(counts)) / len(features)
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    size = len(within)
    _, directions = linalg.eigh(between, within, subset_by_index=[size - width, size - 1])
    return torch.from_numpy(np.ascontiguousarray(directions[:, ::-1])).float()


def fit_heads(
    training: Features, answers: dict[str, tuple[str, ...]], report: Callable[[str], None]
) -> dict[str, Tensor]:
    """All tensors that `adapter.evaluation.judge.Judge` needs besides its trunk.

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
    people, styles = (np.repeat(each, versions) for each in (training.people, training.styles))
    heads["identity"] = identity(features, people, styles)
    report("identity: fitted")
    return heads
