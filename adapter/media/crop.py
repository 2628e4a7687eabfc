"""The square of a picture that becomes a reference, and the one that a face proposes."""

import math
from typing import Annotated

import cv2
import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from adapter.media.alignment import FACES, Framing, Square, align
from adapter.media.face_mesh import find_faces
from adapter.media.images import resize, shrink

REFERENCE_SIDE = 256
"""Pixels of a reference's side as the encoders get it; the generator's own resolution if that is larger."""
LEAST_TILT = math.radians(5)
"""A head that is tilted less is left as it is: turning a picture softens it."""
MOST_SHIFT = 0.08
"""A square that sticks out by at most this share of its side is moved inside the picture; otherwise it is filled up."""
_FADE, _BLUR = 0.03, 0.04  # in sides of the square
_DENSE_SIDE = 4 * REFERENCE_SIDE  # a turned square of that many pixels is scaled down so far that nothing is seen

Place = Annotated[float, Field(ge=-1, le=2)]
Side = Annotated[float, Field(ge=0, le=4)]
Angle = Annotated[float, Field(ge=-math.pi, le=math.pi)]


@dataclass(frozen=True)
class Crop:
    """A square of a picture; without arguments the largest one, in the middle.

    Args:
        x, y: center, as shares of the picture's width and height.
        side: as a share of the picture's shorter side.
        found: whether it was put around a face.
        roll: radians by which the square is turned clockwise.
        inside: whether an upright square that fits is moved inside the picture; otherwise, what lies beyond the
            picture is filled up from its blurred edge.
        faces: how many faces the picture shows.
    """

    x: Place = 0.5
    y: Place = 0.5
    side: Side = 1.0
    found: bool = False
    roll: Angle = 0.0
    inside: bool = True
    faces: int = 0

    @property
    def is_adjusted(self) -> bool:
        """Whether there is more to tell than that a face was found."""
        return not self.found or self.faces > 1 or bool(self.roll) or not self.inside

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cut the square out.

        Args:
            image: uint8 [H, W, 3].

        Returns:
            uint8 [S, S, 3], S at least 1; a view of ``image`` if the square is upright and inside of it. A turned
            square has up to twice its pixels: sampled more densely than the picture, it loses nothing, and the scaling
            that follows is the only one that softens.
        """
        height, width = image.shape[:2]
        pixels = max(1, round(min(height, width) * self.side))
        left, top = round(self.x * width - pixels / 2), round(self.y * height - pixels / 2)
        fits = pixels <= min(height, width)
        if fits and self.inside:
            left, top = min(max(left, 0), width - pixels), min(max(top, 0), height - pixels)
        if not self.roll and 0 <= left <= width - pixels and 0 <= top <= height - pixels:
            return image[top : top + pixels, left : left + pixels]
        square = Square(left + pixels / 2, top + pixels / 2, pixels, self.roll)
        dense = min(2 * pixels, max(pixels, _DENSE_SIDE)) if self.roll else pixels
        return _fill_up(image, square, dense)


def crop_and_resize(image: np.ndarray, crop: Crop, side: int) -> np.ndarray:
    """A square of a picture at one size: uint8 [side, side, 3]."""
    return resize(crop.cut(image), side)


def frame_faces(image: np.ndarray, framing: Framing = FACES) -> list[Crop]:
    """The squares around the faces, the largest first, framed and levelled as the base's own pictures.

    Args:
        image: uint8 [H, W, 3].
        framing: of the base.
    """
    image = shrink(image)
    faces = find_faces(image)
    return [_around(align(face, framing), image, len(faces)) for face in faces]


def frame_face(image: np.ndarray, framing: Framing = FACES) -> Crop:
    """The first of `frame_faces`; the middle without a face."""
    return next(iter(frame_faces(image, framing)), Crop())


def _around(square: Square, image: np.ndarray, faces: int) -> Crop:
    height, width = image.shape[:2]
    roll = square.roll if abs(square.roll) >= LEAST_TILT else 0.0
    beyond = max(
        square.side / 2 - min(square.x, width - square.x, square.y, height - square.y), square.side - min(height, width)
    )
    return Crop(
        min(max(square.x / width, -1.0), 2.0),
        min(max(square.y / height, -1.0), 2.0),
        min(square.side / min(height, width), 4.0),
        True,
        roll,
        inside=beyond <= MOST_SHIFT * square.side,
        faces=faces,
    )


def describe_crop(crop: Crop, others: str = "Cut another out to choose it.") -> str:
    """How the square of a style image was found, in a sentence or two.

    Args:
        crop: the square.
        others: what to do if another face is meant.
    """
    if not crop.found:
        return "No face was found, so the middle of the picture is used. Move the square onto the head."
    told = "A face was found, and this square around it is what counts."
    if crop.faces > 1:
        told = f"{crop.faces} faces were found, and the largest counts. {others}"
    if crop.roll:
        told += " The head was tilted; it stands straight now."
    if not crop.inside:
        told += " The picture ends close to the head, so its edge is continued."
    return told


def _fill_up(image: np.ndarray, square: Square, pixels: int) -> np.ndarray:
    """The square [S, S, 3], continued beyond the picture by its edge, which fades into a blur."""
    ends = np.array([[0, 0], [pixels, 0], [0, pixels]], np.float32)
    # OpenCV counts from the middles of pixels, the square from their corners.
    matrix = cv2.getAffineTransform(square.corners - 0.5, ends - 0.5)
    size = (pixels, pixels)
    picture = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
    edge = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(edge, (0, 0), max(0.5, _BLUR * pixels))
    outside = cv2.warpAffine(np.zeros(image.shape[:2], np.uint8), matrix, size, borderValue=255)
    distance = cv2.distanceTransform((outside > 127).astype(np.uint8), cv2.DIST_L2, 5)
    share = np.clip(distance / max(1.0, _FADE * pixels), 0, 1)[..., None]
    return np.round(picture * (1 - share) + blurred * share).astype(np.uint8)
