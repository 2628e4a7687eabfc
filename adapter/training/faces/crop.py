"""Level square crops around a pivot inside the head, so that a camera of fixed size and distance fits every picture."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.media.alignment import FACES, Square
from adapter.training.faces.pose import Similarity, angles

PIVOT = np.array(FACES.pivot)
"""The point around which heads turn, in the template's frame and face widths: behind the bridge of the nose."""
SIDE = FACES.side
"""Side of the crop in face widths."""


class Crop(NamedTuple):
    """Picture uint8 [S, S, 3], reflected beyond the frame, and the matrix [2, 3] from source pixels to crop pixels."""

    picture: NDArray
    matrix: NDArray


def crop_matrix(similarity: Similarity, side: int, size: int) -> NDArray:
    """Matrix [2, 3] from source pixels to crop pixels for the first face of ``similarity``.

    Args:
        similarity: of meshes in units of the source picture's side.
        side: of the source picture in pixels.
        size: of the crop in pixels.
    """
    x, y = similarity.apply(PIVOT[None])[0, 0, :2] * side
    roll = angles(similarity.rotation).roll[0]
    corners = Square(x, y, SIDE * similarity.scale[0] * side, roll).corners
    return cv2.getAffineTransform(corners, np.float32([[0, 0], [size, 0], [0, size]]))


def crop(picture: NDArray, similarity: Similarity, size: int) -> Crop:
    """Cut the level square out of a square RGB picture, uint8 [H, H, 3]."""
    matrix = crop_matrix(similarity, len(picture), size)
    shrink = 1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if shrink > 1:
        # What a pixel of the crop covers, less what the interpolation already averages.
        picture = cv2.GaussianBlur(picture, (0, 0), max(0.3, 0.5 * np.sqrt(shrink**2 - 1)))
    seen = cv2.warpAffine(picture, _centered(matrix), (size, size), borderMode=cv2.BORDER_REFLECT_101)
    return Crop(seen, matrix)


def warp_map(values: NDArray, matrix: NDArray, size: int) -> NDArray:
    """Carry a map [H, H] of the source picture into the crop [S, S]; its border values go on beyond the frame."""
    return cv2.warpAffine(values, _centered(matrix), (size, size), borderMode=cv2.BORDER_REPLICATE)


def inside(matrix: NDArray, side: int, size: int) -> NDArray:
    """Which pixels of a crop [S, S] lie wholly within the source picture of ``side`` pixels."""
    back = cv2.invertAffineTransform(matrix)
    x, y = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    places = np.stack([x, y], axis=-1) @ back[:, :2].T + back[:, 2]
    return ((places > 1) & (places < side - 1)).all(axis=-1)


def _centered(matrix: NDArray) -> NDArray:
    """The same matrix for OpenCV, which counts from the middles of pixels and not from their corners."""
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    return shifted
