"""From images in [-1, 1] to the input of a CLIP tower, differentiably."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def preprocess(images: Tensor, size: int, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Resize square images and normalize them as CLIP does.

    Bicubic with antialiasing, the filter of CLIP's own preprocessing; images of the right size pass unchanged.

    Args:
        images: [N, 3, S, S] in [-1, 1].
        size: side that the tower expects, in pixels.
        mean, std: of the tower's training, per channel, for values in [0, 1].

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
    scale = images.new_tensor(std).mul(2).reciprocal()
    shift = (0.5 - images.new_tensor(mean)) / images.new_tensor(std)
    if torch.equal(scale, torch.ones_like(scale)) and not shift.any():
        return images
    return torch.addcmul(shift[:, None, None], images, scale[:, None, None])
