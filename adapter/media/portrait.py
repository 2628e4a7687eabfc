"""A portrait as inversion needs it: faces found, a level square cut out, and the camera that the mesh tells."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.errors import UserError
from adapter.media.alignment import Framing, Square, align
from adapter.media.crop import Crop
from adapter.media.face_mesh import Face, find_faces
from adapter.media.head_pose import fit_pose
from adapter.media.images import shrink

PORTRAIT_SIDE = 512
"""Pixels of a portrait's side; smaller if its square in the picture is."""
LEAST_SIDE = 48
"""A head whose square has fewer pixels cannot be reconstructed."""
MOST_YAW = 1.0
"""Radians from the front beyond which a base has no other half of the face to learn from."""
_HEAD = 1.35  # size of the region that counts fully, in sizes of the face mesh
_AROUND = 0.25  # what the rest of the picture counts


@dataclass(frozen=True)
class Portrait:
    """The square of a portrait.

    Attributes:
        pixels: uint8 [S, S, 3].
        weight: how much each pixel counts, uint8 [S, S]; 0 beyond the picture, 255 on the head.
        yaw, pitch: of the camera in radians from the front; None without a face.
    """

    pixels: NDArray[np.uint8]
    weight: NDArray[np.uint8]
    yaw: float | None
    pitch: float | None


def find_portraits(image: NDArray[np.uint8], framing: Framing) -> list[Crop]:
    """The squares of all faces of a picture uint8 [H, W, 3], the largest face first."""
    image = shrink(image)
    faces = find_faces(image)
    return [_around(align(face, framing), image.shape, len(faces)) for face in faces]


def cut_portrait(image: NDArray[np.uint8], crop: Crop) -> Portrait:
    """Cut a square out, and read the camera from the face in it.

    Args:
        image: uint8 [H, W, 3].
        crop: from `find_portraits`, or set by hand.

    Raises:
        UserError: too few pixels, or a face in profile.
    """
    height, width = image.shape[:2]
    pixels = round(crop.side * min(height, width))
    if pixels < LEAST_SIDE:
        raise UserError(
            f"The head in this picture is only about {pixels} pixels wide. Use a larger picture, or a larger square."
        )
    size = min(PORTRAIT_SIDE, pixels)
    square = Square(crop.x * width, crop.y * height, float(pixels), crop.roll)
    cut = _reduced(crop.cut(image), size)
    found = [face for face in find_faces(cut) if 0.2 < face.width / size < 0.9]
    face = min(found, key=lambda face: float(np.abs(face.middle - size / 2).sum())) if found else None
    yaw = pitch = None
    if face is not None:
        pose = fit_pose(face.points)
        yaw, pitch = -pose.yaw, -pose.pitch
        if abs(yaw) > MOST_YAW:
            raise UserError("This face is seen from the side, and half of it is hidden. Use a picture from the front.")
    return Portrait(cut, _weight(square, size, (height, width), face), yaw, pitch)


def describe_portrait(crops: list[Crop], chosen: int) -> str:
    """What was found in a picture, in a sentence or two."""
    if not crops:
        return "No face was found. Move the square onto the head so that the face stands as in the outline."
    told = "A face was found and levelled." if len(crops) == 1 else f"{len(crops)} faces were found. Choose one."
    if not crops[min(chosen, len(crops) - 1)].inside:
        told += " The picture ends close to the head, so its edge is continued; that part does not count."
    return told


def _around(square: Square, shape: tuple[int, ...], faces: int) -> Crop:
    height, width = shape[:2]
    half = square.side / 2
    fits = half <= min(square.x, width - square.x, square.y, height - square.y)
    return Crop(
        min(max(square.x / width, -1.0), 2.0),
        min(max(square.y / height, -1.0), 2.0),
        min(square.side / min(height, width), 4.0),
        True,
        square.roll,
        inside=fits and not square.roll,
        faces=faces,
    )


def _reduced(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    smaller = len(picture) > size
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(picture, (size, size), interpolation=method), np.uint8)


def _weight(square: Square, size: int, shape: tuple[int, int], face: Face | None) -> NDArray[np.uint8]:
    """What counts: the head fully, the rest a little, nothing beyond the picture."""
    ends = np.array([[0, 0], [size, 0], [0, size]], np.float32)
    matrix = cv2.getAffineTransform(square.corners - 0.5, ends - 0.5)
    known = cv2.warpAffine(np.full(shape, 255, np.uint8), matrix, (size, size))
    head = np.zeros((size, size), np.float32)
    if face is None:
        cv2.ellipse(head, (size // 2, size // 2), (round(0.36 * size), round(0.46 * size)), 0, 0, 360, 1.0, -1)
    else:
        flat = face.points[:, :2]
        middle = flat.mean(axis=0)
        hull = cv2.convexHull(((flat - middle) * _HEAD + middle).astype(np.int32))
        cv2.fillConvexPoly(head, hull, 1.0)
    soft = cv2.GaussianBlur(head, (0, 0), 0.03 * size)
    return np.round((_AROUND + (1 - _AROUND) * soft) * known).astype(np.uint8)
