"""Cross-domain consistency: how much of a source's edges, silhouette, identity and attributes its target keeps."""

from collections.abc import Sequence

import numpy as np
import torch
from skimage.filters import gaussian, sobel
from torch import Tensor
from torch.nn import functional as F

EDGE_BLUR = 1.0
"""Deviation of the blur before the edge filter, in pixels of a 128 px image; it removes a style's fine texture."""
LUMINANCE = (0.299, 0.587, 0.114)


def edges(images: Tensor) -> Tensor:
    """Edge maps [N, H, W] of images [N, 3, H, W] in [-1, 1]: Sobel magnitudes of the blurred luminance."""
    gray = torch.einsum("nchw,c->nhw", images, images.new_tensor(LUMINANCE)).cpu().numpy()
    blur = EDGE_BLUR * images.shape[-1] / 128
    return torch.from_numpy(np.stack([sobel(gaussian(one, blur, preserve_range=True)) for one in gray]))


def edge_overlap(a: Tensor, b: Tensor) -> Tensor:
    """SCS in [0, 1] per image [N]: 2 sum(e_a e_b) / (sum e_a^2 + sum e_b^2) of edge maps e.

    Xiao et al. 2022 (RSSA) use HED edges, whose weights are a download; these are Sobel's. Each map is first scaled to
    the norm 1 (ours), so that a style's contrast does not count. Two pictures without any edge overlap fully.
    """
    a, b = (F.normalize(edges(images).flatten(1), dim=1) for images in (a, b))
    return torch.where(a.any(dim=1) | b.any(dim=1), (a * b).sum(dim=1), 1.0)


def silhouette_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union in [0, 1] per image [N], of opacities [N, 1, H, W] cut at a half."""
    a, b = a > 0.5, b > 0.5
    union = (a | b).sum(dim=(1, 2, 3))
    return torch.where(union > 0, (a & b).sum(dim=(1, 2, 3)) / union.clamp_min(1), 1.0)


def retrieval_accuracy(sources: Tensor, targets: Tensor) -> float:
    """Share in [0, 1] of targets whose own source, row i for row i, is the most similar of all sources.

    Args:
        sources, targets: identity features [N, I] and [M, I], M <= N; each set is centred on the mean of the M
            identities of both, which removes the difference between the domains.
    """
    a, b = (F.normalize(x - x[: len(targets)].mean(dim=0), dim=1) for x in (sources, targets))
    best = (b @ a.T).argmax(dim=1)
    return float((best == torch.arange(len(b), device=best.device)).float().mean())


def retention(predicted: Sequence[Sequence[str]], true: Sequence[Sequence[str]]) -> float:
    """Mean over attributes of the balanced accuracy in [0, 1].

    Args:
        predicted, true: for each attribute one class per image.
    """
    return float(np.mean([_balanced_accuracy(a, b) for a, b in zip(predicted, true, strict=True)]))


def _balanced_accuracy(predicted: Sequence[str], true: Sequence[str]) -> float:
    found, labels = np.asarray(predicted), np.asarray(true)
    return float(np.mean([(found[labels == value] == value).mean() for value in np.unique(labels)]))
