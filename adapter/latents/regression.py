"""Ridge regression where there are fewer people than numbers about each of them."""

import torch
from torch import Tensor

FOLDS = 5


def ridge(x: Tensor, y: Tensor, pull: float) -> Tensor:
    """Coefficients [D, M] of y [N, M] on x [N, D], solved for the people.

    Args:
        x: double.
        y: double.
        pull: ridge, as a share of the mean squared length of x.
    """
    kernel = x @ x.T
    weight = pull * kernel.diagonal().mean()
    return x.T @ torch.linalg.solve(kernel + weight * torch.eye(len(x), dtype=x.dtype), y)


def explained(x: Tensor, y: Tensor, pull: float) -> Tensor:
    """Share of the variance of y [N, M] that a regression explains on people it was not fitted to [M]."""
    fold = torch.arange(len(y)) % FOLDS
    predicted = torch.empty_like(y)
    for k in range(FOLDS):
        predicted[fold == k] = x[fold == k] @ ridge(x[fold != k], y[fold != k], pull)
    return 1 - (predicted - y).square().mean(0) / y.square().mean(0).clamp_min(1e-12)
