"""Distance of a set of images to the target domain: KID, FID, and likeness to the reference."""

import torch
from torch import Tensor
from torch.nn import functional as F


def kernel_distance(x: Tensor, y: Tensor, paired: bool = False) -> float:
    """KID: unbiased squared maximum mean discrepancy with the kernel (x.y / D + 1)^3 (Binkowski et al. 2018).

    Computed on all samples at once, in double precision. It is zero on average where both sets come from one
    distribution, so it may be a little negative.

    Args:
        x, y: features [N, D] and [M, D].
        paired: row i of both shows the same head, so the sets are not independent: the terms k(x_i, y_i) are left
            out (Gretton et al. 2012, equation 4, instead of equation 3). Needs N = M.

    Raises:
        ValueError: fewer than two samples, or pairs of different number.
    """
    if min(len(x), len(y)) < 2 or (paired and len(x) != len(y)):
        raise ValueError("KID needs at least two samples of each set, and as many of both where they are paired.")
    x, y = x.double(), y.double()
    return float(_mean(_kernel(x, x), True) + _mean(_kernel(y, y), True) - 2 * _mean(_kernel(x, y), paired))


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """FID: Fréchet distance of two normal distributions fitted to features [N, D] and [M, D] (Heusel et al. 2017).

    The trace of the square root of the product of both covariances is the nuclear norm of X Y^T, so no matrix of
    D x D numbers is needed. With fewer samples than dimensions it is far above zero even for two samples of one
    distribution: compare values of equal N and M only.

    Raises:
        ValueError: fewer than two samples.
    """
    if min(len(x), len(y)) < 2:
        raise ValueError("FID needs at least two samples of each set.")
    x, y = x.double(), y.double()
    distance = (x.mean(dim=0) - y.mean(dim=0)).square().sum()
    x, y = ((s - s.mean(dim=0)) / (len(s) - 1) ** 0.5 for s in (x, y))
    return float(distance + x.square().sum() + y.square().sum() - 2 * torch.linalg.matrix_norm(x @ y.T, "nuc"))


def likeness(targets: Tensor, reference: Tensor) -> float:
    """Mean cosine in [-1, 1] of features [N, D] to those of the reference [1, D]; both standardised."""
    return float(F.cosine_similarity(targets, reference).mean())


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _mean(kernel: Tensor, without_diagonal: bool) -> Tensor:
    if not without_diagonal:
        return kernel.mean()
    count = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (count * (count - 1))
