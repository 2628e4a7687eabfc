"""The parts of a face by its mesh, and the person around it."""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.media.face_mesh import CHIN, FOREHEAD, Face
from adapter.media.head_pose import fit_pose, template

FACE, MOUTH, FEATURES = "face", "mouth", "features"
# fmt: off
OUTLINES: dict[str, tuple[tuple[int, ...], ...]] = {
    FACE: ((
        10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
    ),),
    MOUTH: ((78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),),
    FEATURES: (
        (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
        (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
        (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
        (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
        (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
    ),
}
# fmt: on
"""Points of the mesh around each part, in order: the face, between the lips, and eyes, brows and lips."""
_DEPTH = 0.45  # from the mesh's middle back to the axis of the head, in face widths
_FLATTEN = 0.5  # a head is more of a cylinder than of a ball
_APART = 45.0  # of 255, distance of colors from which on a head differs from the background
_SIDE = 128  # pixels at which a person is cut out


def part_mask(face: Face, part: str, size: int, side: int) -> NDArray[np.float32]:
    """How much of each cell of a grid a part covers.

    Args:
        face: its mesh in pixels.
        part: a key of `OUTLINES`.
        size: side of the square picture in pixels.
        side: of the grid.

    Returns:
        [side, side] in [0, 1].
    """
    fine = 8 * side
    mask = np.zeros((fine, fine), np.uint8)
    for outline in OUTLINES[part]:
        corners = np.round(face.points[list(outline), :2] * (fine / size))
        cv2.fillPoly(mask, [corners.astype(np.int32)], 255)
    return np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


@functools.cache
def mirrored_points() -> NDArray[np.int64]:
    """For each point of the mesh the one that lies opposite of it [468]."""
    points = template()
    apart = np.square(points[:, None] - points[None] * [-1, 1, 1]).sum(axis=2)
    return apart.argmin(axis=1)


def facing(face: Face) -> NDArray[np.float32]:
    """Cosine between the surface at each point of the mesh and the direction to the camera [468]."""
    outwards = template() * [1, _FLATTEN, 1] - [0, 0, _DEPTH]
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    return -(outwards @ fit_pose(face.points).rotation)[:, 2].astype(np.float32)


def person_mask(image: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
    """Cut the person around a face out of a picture by colors (GrabCut, Rother et al. 2004).

    Args:
        image: uint8 [S, S, 3].
        face: in the picture.

    Returns:
        [128, 128], 1 on the person.
    """
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    points, width = face.points[:, :2] * (_SIDE / len(image)), face.width * _SIDE / len(image)
    up = points[FOREHEAD] - points[CHIN]
    up /= max(float(np.linalg.norm(up)), 1e-6)
    head = tuple(int(x) for x in face.middle * (_SIDE / len(image)) + 0.12 * width * up)
    mask = np.full((_SIDE, _SIDE), cv2.GC_PR_BGD, np.uint8)
    mask[_borders(head[0], width)] = cv2.GC_BGD
    wide, narrow = (
        cv2.ellipse(np.zeros_like(mask), head, (round(across * width), round(along * width)), 0.0, 0.0, 360.0, 1, -1)
        > 0
        for across, along in ((0.72, 0.9), (0.45, 0.78))
    )
    mask[wide] = cv2.GC_PR_FGD
    # Hair may be of the background's brightness, but seldom of a color that the borders show.
    background = small[mask == cv2.GC_BGD].astype(np.float32)
    apart = np.linalg.norm(small[wide].astype(np.float32)[:, None] - background[None, ::4], axis=2).min(axis=1)
    mask[wide] = np.where(apart > _APART, cv2.GC_FGD, cv2.GC_PR_FGD)
    mask[narrow] = cv2.GC_FGD
    shoulders = points[CHIN] + width * np.array([[-0.5, -0.2], [0.5, -0.2], [1.2, 1.5], [-1.2, 1.5]])
    cv2.fillPoly(mask, [shoulders.astype(np.int32)], cv2.GC_PR_FGD)
    cv2.fillPoly(mask, [points[list(OUTLINES[FACE][0])].astype(np.int32)], cv2.GC_FGD)
    cv2.setRNGSeed(0)
    cv2.grabCut(small, mask, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    return ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.float32)


def _borders(middle: float, width: float) -> NDArray[np.bool_]:
    """The borders of a picture beside a head [128, 128], where its background is."""
    row, column = np.indices((_SIDE, _SIDE))
    edge = _SIDE // 32
    side = np.minimum(column, _SIDE - 1 - column) < edge
    return (side & (row < _SIDE // 2)) | ((row < edge) & (np.abs(column - middle) > 0.65 * width))
