"""Who is in front of what: a soft mask of the person, and the person's own colors under it."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.media.tflite import TfliteNetwork

NETWORK_SIZE = 256
COARSE_RADIUS, FINE_RADIUS = 12, 4
"""Windows of the guided filter in pixels: one that finds the outline, one that follows hair."""
COARSE_NOISE, FINE_NOISE = 1e-3, 1e-4
"""Variances of color below which a window counts as even."""
LOW, HIGH = 0.1, 0.9
"""Filtered values that count as wholly outside and wholly inside."""
CERTAIN = 21
"""Pixels on both sides of the coarse outline within which the mask is refined."""
COLOR_WINDOWS = (31, 9)
CERTAINTY = 4
"""Power of a color's share in the picture by which it counts for the colors around."""


class Segmenter:
    """MediaPipe's selfie segmentation by OpenCV."""

    def __init__(self, network: Path) -> None:
        self._network = TfliteNetwork(network)

    def mask(self, picture: NDArray) -> NDArray:
        """Return how likely each place of an RGB picture is a person: float32 [256, 256] in [0, 1]."""
        (masks,) = self._network.run(cv2.dnn.blobFromImage(picture, 1 / 255, (NETWORK_SIZE, NETWORK_SIZE)))
        return np.clip(masks[0, 0], 0, 1)


def guided(mask: NDArray, picture: NDArray, radius: int, noise: float) -> NDArray:
    """Guided filter of a mask by a color picture (He et al. 2013), with the full covariance of the colors.

    Args:
        mask: [H, W].
        picture: [H, W, 3] in [0, 1].
        radius: of the square window in pixels.
        noise: added to the variances.
    """
    window = (2 * radius + 1, 2 * radius + 1)

    def average(values: NDArray) -> NDArray:
        return cv2.blur(values, window, borderType=cv2.BORDER_REFLECT)

    colors, level = average(picture), average(mask)
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    products = average(np.stack([picture[..., i] * picture[..., j] for i, j in pairs[:3]], axis=-1))
    more = average(np.stack([picture[..., i] * picture[..., j] for i, j in pairs[3:]], axis=-1))
    spread = np.empty((*mask.shape, 3, 3), np.float32)
    for (i, j), value in zip(pairs, np.moveaxis(np.concatenate([products, more], axis=-1), -1, 0), strict=True):
        spread[..., i, j] = spread[..., j, i] = value - colors[..., i] * colors[..., j]
    spread += noise * np.eye(3, dtype=np.float32)
    together = average(picture * mask[..., None]) - colors * level[..., None]
    slope = np.linalg.solve(spread, together[..., None])[..., 0]
    offset = level - (slope * colors).sum(axis=-1)
    return (average(slope.astype(np.float32)) * picture).sum(axis=-1) + average(offset.astype(np.float32))


def refine(mask: NDArray, picture: NDArray) -> NDArray:
    """Return a mask, float32 [S, S] in [0, 1], that follows the picture's edges; only the largest person is kept.

    Args:
        mask: coarse, float32 [S, S] in [0, 1].
        picture: RGB uint8 [S, S, 3].
    """
    colors = picture.astype(np.float32) / 255
    solid = largest(mask > 0.5).astype(np.float32)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CERTAIN, CERTAIN))
    sure, possible = cv2.erode(solid, kernel), cv2.dilate(solid, kernel)
    soft = np.minimum(mask, possible)
    soft = np.clip(guided(soft, colors, COARSE_RADIUS, COARSE_NOISE), 0, 1)
    soft = np.clip(guided(soft, colors, FINE_RADIUS, FINE_NOISE), 0, 1)
    stretched = np.clip((soft - LOW) / (HIGH - LOW), 0, 1)
    return np.clip(np.maximum(stretched * possible, sure), 0, 1)


def largest(mask: NDArray) -> NDArray:
    """Keep only the largest connected part of a mask, bool [H, W], and fill the holes in it."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    kept = labels == 1 + facts[1:, cv2.CC_STAT_AREA].argmax()
    count, labels, facts, _ = cv2.connectedComponentsWithStats((~kept).astype(np.uint8), connectivity=4)
    holes = [k for k in range(1, count) if facts[k, cv2.CC_STAT_AREA] < kept.size // 100]
    return kept | np.isin(labels, holes)


def own_colors(picture: NDArray, mask: NDArray) -> NDArray:
    """Return the person's colors without the background that shows through, uint8 [S, S, 3].

    Colors of person and background are spread from where each is certain, then corrected so that together they give
    the picture. Laid over any background with the mask, the result has no rim of the old one.

    Args:
        picture: RGB uint8 [S, S, 3].
        mask: float32 [S, S] in [0, 1].
    """
    colors, share = picture.astype(np.float32), mask[..., None]
    front, back = colors, colors
    for window in COLOR_WINDOWS:
        front, back = _spread(front, share, window), _spread(back, 1 - share, window)
        rest = colors - share * front - (1 - share) * back
        front, back = np.clip(front + share * rest, 0, 255), np.clip(back + (1 - share) * rest, 0, 255)
    return np.round(front).astype(np.uint8)


def _spread(colors: NDArray, share: NDArray, window: int) -> NDArray:
    # Mixed colors count little beside certain ones.
    share = share**CERTAINTY + 1e-6
    weight = cv2.blur(share, (window, window), borderType=cv2.BORDER_REFLECT)[..., None]
    return cv2.blur(colors * share, (window, window), borderType=cv2.BORDER_REFLECT) / weight
