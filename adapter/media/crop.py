"""The square of a picture that becomes a reference, and the one that a face proposes."""

import functools
from typing import TYPE_CHECKING, Annotated

import numpy as np
from PIL import Image
from pydantic import Field
from pydantic.dataclasses import dataclass

from adapter.media.images import resize

if TYPE_CHECKING:
    from skimage.feature import Cascade

REFERENCE_SIDE = 256
"""Pixels of a reference's side as the encoders get it; the generator's own resolution if that is larger."""
_DETECTION_SIDE = 256
_SMALLEST_FACE = 40
_HEAD_PER_FACE = 2.2
_LIFT = 0.04


Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Crop:
    """A square of a picture; without arguments the largest one, in the middle.

    Args:
        x, y: center, as shares of the picture's width and height.
        side: as a share of the picture's shorter side.
        found: whether it was put around a face.
    """

    x: Share = 0.5
    y: Share = 0.5
    side: Share = 1.0
    found: bool = False

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cut the square out; it is moved inside the picture where it would stick out.

        Args:
            image: uint8 [H, W, 3].

        Returns:
            uint8 [S, S, 3], a view of ``image``, S at least 1.
        """
        height, width = image.shape[:2]
        pixels = max(1, round(min(height, width) * self.side))
        left = min(max(round(self.x * width - pixels / 2), 0), width - pixels)
        top = min(max(round(self.y * height - pixels / 2), 0), height - pixels)
        return image[top : top + pixels, left : left + pixels]


def crop_and_resize(image: np.ndarray, crop: Crop, side: int) -> np.ndarray:
    """A square of a picture at one size, resampled once: uint8 [side, side, 3]."""
    return resize(crop.cut(image), side)


def frame_face(image: np.ndarray) -> Crop:
    """The square around the largest frontal face, framed as the generator frames heads; the middle if there is none.

    Local binary patterns in a cascade (Liao et al. 2007), with the training that scikit-image bundles; it also finds
    many painted and drawn faces. About 30 ms.

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
    return Crop(x, max(0.0, y), side, found=True)


@functools.cache
def _detector() -> "Cascade":
    from skimage.data import lbp_frontal_face_cascade_filename  # the import alone takes a second
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())
