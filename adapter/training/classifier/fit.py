"""Linear heads on the classifier's features, each fitted by a convex problem: no seed, no schedule."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.synthetic.ground_truth import class_of
from adapter.training.classifier.data import Features

PENALTY = 3e-4
"""Weight of the squared weights in the logistic heads."""
SMALLEST_DEVIATION = 1e-3
"""Added to the deviations, so that channels that are almost always zero are not amplified."""


def logistic(features: Tensor, classes: Sequence[int], count: int, steps: int = 60) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression with balanced classes and a squared penalty, by L-BFGS.

    Args:
        features: [N, D], standardised.
        classes: [N] in range(count); every class has the same total weight.

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
    training: Features, classes: dict[str, tuple[str, ...]], report: Callable[[str], None]
) -> dict[str, Tensor]:
    """All tensors that `adapter.evaluation.classifier.Classifier` needs besides its trunk.

    Args:
        training: cached features, both versions of each image are used.
        classes: class names by head.
        report: called with a line per head.
    """
    versions = training.pooled.shape[1]
    raw = training.pooled.reshape(-1, training.pooled.shape[-1]).astype(np.float32)
    mean, deviation = raw.mean(axis=0), raw.std(axis=0) + SMALLEST_DEVIATION
    features = (raw - mean) / deviation
    heads = {"mean": torch.from_numpy(mean), "deviation": torch.from_numpy(deviation)}
    for head, names in classes.items():
        labels = training.styles if head == "style" else class_of(training.facts, head)
        weight, bias = logistic(torch.from_numpy(features), np.repeat(labels, versions), len(names))
        heads |= {f"{head}.weight": weight, f"{head}.bias": bias}
        report(f"{head}: fitted")
    return heads
