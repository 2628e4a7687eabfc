"""From images in [-1, 1] to the input of a CLIP tower, differentiably."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def normalization(mean: Sequence[float], std: Sequence[float]) -> tuple[Tensor, Tensor] | None:
    """What images in [-1, 1] are multiplied by, and what is added then, [3, 1, 1] each; None if they stay as they are.

    Args:
        mean, std: of a tower's training, per channel, for values in [0, 1].
    """
    means, deviations = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (mean, std))
    scale, shift = (2 * deviations).reciprocal(), (0.5 - means) / deviations
    return None if bool((scale == 1).all() and (shift == 0).all()) else (scale, shift)


def preprocess(images: Tensor, size: int, normalized_by: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Resize square images and normalize them as CLIP does.

    Bicubic with antialiasing, the filter of CLIP's own preprocessing; images of the right size pass unchanged.

    Args:
        images: [N, 3, S, S] in [-1, 1].
        size: side that the tower expects, in pixels.
        normalized_by: of `normalization`, on the images' device.

    Returns:
        [N, 3, size, size], normalized.

    Raises:
        ValueError: images that are not square RGB floats.
    """
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
        raise ValueError(f"Images must have the shape [N, 3, S, S], not {list(images.shape)}.")
    if not images.is_floating_point():
        raise ValueError("Images must be floats in [-1, 1].")
    if images.shape[-1] != size:
        images = F.interpolate(images, (size, size), mode="bicubic", antialias=True, align_corners=False)
    if normalized_by is None:
        return images
    scale, shift = normalized_by
    return torch.addcmul(shift, images, scale)
