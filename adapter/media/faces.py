"""Where the head is: a frontal-face detector that also sees many paintings and drawings."""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from skimage.feature import Cascade

_DETECTION_SIDE = 256
_SMALLEST_FACE = 40
_HEAD_PER_FACE = 2.2
_LIFT = 0.04


@dataclass(frozen=True)
class Crop:
    """A square of a picture, in the arguments of `adapter.media.images.crop_square`.

    Args:
        x, y: centre of the square, as shares of the picture's width and height.
        side: as a share of the picture's shorter side.
        found: whether a face was found; otherwise the square is the largest one, in the middle.
    """

    x: float = 0.5
    y: float = 0.5
    side: float = 1.0
    found: bool = False


def find_head(image: np.ndarray) -> Crop:
    """Propose a square around the largest frontal face, framed as the generator frames heads.

    Local binary patterns in a cascade (Liao et al. 2007), with the training that scikit-image bundles. About 30 ms.

    Args:
        image: uint8 [H, W, 3].
    """
    height, width = image.shape[:2]
    small = Image.fromarray(image)
    small.thumbnail((_DETECTION_SIDE, _DETECTION_SIDE))
    smallest = min(_SMALLEST_FACE, *small.size)
    faces = _detector().detect_multi_scale(
        np.asarray(small), 1.1, 1, (smallest, smallest), (_DETECTION_SIDE, _DETECTION_SIDE)
    )
    if not faces:
        return Crop()
    face = max(faces, key=lambda found: found["width"])
    side = min(1.0, _HEAD_PER_FACE * face["width"] / min(small.size))
    x = (face["c"] + face["width"] / 2) / small.width
    y = (face["r"] + face["height"] / 2) / small.height - _LIFT * side * min(width, height) / height
    return Crop(x, y, side, found=True)


@functools.cache
def _detector() -> "Cascade":
    from skimage.data import lbp_frontal_face_cascade_filename  # the import alone takes a second
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())
