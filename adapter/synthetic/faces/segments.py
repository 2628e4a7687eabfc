"""The parts of a photographed person: by the face mesh where it reaches, by colors elsewhere."""

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.media.face_mesh import CHIN, FOREHEAD, Face
from adapter.media.face_parts import FACE, FEATURES, MOUTH, OUTLINES
from adapter.synthetic.heads.paint import SEGMENTS

IRIS_SIZE = 0.21
"""Radius of an iris as a share of its eye's width."""
TEETH = 0.62
"""Brightness of the open mouth, over the brightest skin, from which it is teeth."""
NECK, CHEST = 0.16, 0.3
"""Face heights below the chin where clothes may begin, and from where even those of the hair's color are clothes."""
UNLIKE = 2.0
"""Squared Mahalanobis distance of colors from which a pixel is neither skin nor hair."""
SMOOTHED = 7
"""Pixels of 512 over which single pixels take their neighbours' part."""


def segment(color: NDArray[np.float32], mask: NDArray[np.float32], face: Face) -> NDArray[np.uint8]:
    """Index into `SEGMENTS` for each pixel [S, S].

    Args:
        color: [S, S, 3] in 0..1.
        mask: coverage by the person [S, S].
        face: its mesh in pixels of the picture.
    """
    size = len(color)
    found = np.full((size, size), SEGMENTS.index("background"), np.uint8)
    person, oval = mask > 0.5, _filled(face, OUTLINES[FACE], size)
    features = _filled(face, OUTLINES[FEATURES], size)
    skin, hair = _distances(color, person, oval & ~_grown(features, size // 40), face)
    found[person] = np.where(hair < skin, SEGMENTS.index("hair"), SEGMENTS.index("skin"))[person]
    down = (face.points[CHIN] - face.points[FOREHEAD])[:2]
    rows, columns = np.mgrid[:size, :size]
    below = ((columns - face.points[CHIN, 0]) * down[0] + (rows - face.points[CHIN, 1]) * down[1]) / (down @ down)
    clothes = person & (below > NECK) & (skin > UNLIKE) & ((hair > UNLIKE) | (below > CHEST))
    found[clothes] = SEGMENTS.index("shirt")
    # Stubble and shadows look like hair; below the brows the oval is skin.
    found[oval & (below > -0.62)] = SEGMENTS.index("skin")
    found = cv2.medianBlur(found, 2 * (SMOOTHED * size // 1024) + 1).astype(np.uint8)
    _draw_features(found, color, face)
    found[~person] = SEGMENTS.index("background")
    return found


def _distances(
    color: NDArray, person: NDArray, skin: NDArray, face: Face
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far each pixel's color is from the person's skin and from their hair, both normal in Lab."""
    lab = cv2.GaussianBlur(cv2.cvtColor(color, cv2.COLOR_RGB2LAB), (0, 0), len(color) / 256)
    rows = np.arange(len(color))[:, None] + 0 * lab[..., 0]
    crown = person & (rows < face.points[FOREHEAD, 1] - 0.03 * len(color))
    if crown.sum() < 20:
        crown = person & (rows < np.percentile(rows[person], 3))
    return _mahalanobis(lab, lab[skin]), _mahalanobis(lab, lab[crown])


def _mahalanobis(lab: NDArray, samples: NDArray) -> NDArray[np.float32]:
    mean = np.median(samples, axis=0)
    covariance = np.cov((samples - mean).T) + 9 * np.eye(3)
    apart = lab - mean
    return np.einsum("hwi,ij,hwj->hw", apart, np.linalg.inv(covariance), apart).astype(np.float32)


def _draw_features(found: NDArray[np.uint8], color: NDArray, face: Face) -> None:
    """Brows, eyes with irises, lips and the mouth, into the map."""
    size = len(found)
    eyes, brows = OUTLINES[FEATURES][:2], OUTLINES[FEATURES][2:4]
    found[_filled(face, brows, size)] = SEGMENTS.index("brow")
    for eye in eyes:
        own = _filled(face, (eye,), size)
        found[own] = SEGMENTS.index("eye")
        corners = face.points[list(eye), :2]
        radius = IRIS_SIZE * np.linalg.norm(corners[8] - corners[0])
        iris = np.zeros_like(found)
        cv2.circle(iris, tuple(np.round(corners.mean(axis=0)).astype(int).tolist()), max(1, round(radius)), 1, -1)
        found[own & (iris > 0)] = SEGMENTS.index("iris")
    mouth = _filled(face, OUTLINES[MOUTH], size)
    found[_filled(face, OUTLINES[FEATURES][4:], size)] = SEGMENTS.index("lips")
    found[mouth] = SEGMENTS.index("mouth")
    bright = color.mean(axis=-1)
    found[mouth & (bright > TEETH * np.percentile(bright, 95))] = SEGMENTS.index("teeth")


def _filled(face: Face, outlines: tuple[tuple[int, ...], ...], size: int) -> NDArray[np.bool_]:
    drawn = np.zeros((size, size), np.uint8)
    for outline in outlines:
        cv2.fillPoly(drawn, [np.round(face.points[list(outline), :2]).astype(np.int32)], 1)
    return drawn > 0


def _grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0
