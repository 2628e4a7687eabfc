"""Detection of a face and its mesh of 468 points, by OpenCV alone."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

POINTS = 468
DETECTOR_SIZE, MESH_SIZE = 256, 192
ANCHOR_GRIDS = ((16, 2), (8, 6))
"""Cells along a side of the detector's grids and the anchors in each cell."""
MARGIN = 1.5
"""Side of the square that the mesh network sees, in sides of the face's box."""
PASSES = 2
RIGHT_EYE, LEFT_EYE = 33, 263
"""Outer corners of the eyes in the mesh, as seen in the picture from left to right."""


class Box(NamedTuple):
    """A square around a face: center [2] and side in pixels, angle of the eyes in radians, score in [0, 1]."""

    center: NDArray
    side: float
    angle: float
    score: float


class MeshReader:
    """MediaPipe's detector and face mesh (Bazarevsky et al. 2019, Kartynnik et al. 2019)."""

    def __init__(self, detector: Path, mesh: Path) -> None:
        self._detector = cv2.dnn.readNetFromTFLite(str(detector))
        self._mesh = cv2.dnn.readNetFromTFLite(str(mesh))
        self._anchors = _anchors()

    def detect(self, picture: NDArray) -> Box:
        """Return the most certain face of a square RGB picture, uint8 [H, H, 3]."""
        size = (DETECTOR_SIZE, DETECTOR_SIZE)
        self._detector.setInput(cv2.dnn.blobFromImage(picture, 1 / 127.5, size, (127.5, 127.5, 127.5)))
        # One output at a time: OpenCV refuses a list of them.
        logits = self._detector.forward("classificators").reshape(-1)
        best = int(logits.argmax())
        values = self._detector.forward("regressors").reshape(-1, 16)[best].reshape(8, 2) / DETECTOR_SIZE
        eyes = values[3] - values[2]
        side = len(picture)
        score = 1 / (1 + np.exp(-float(np.clip(logits[best], -50, 50))))
        center = (self._anchors[best] + values[0]) * side
        return Box(center, float(values[1].max() * side), float(np.arctan2(eyes[1], eyes[0])), score)

    def read(self, picture: NDArray) -> tuple[NDArray, float]:
        """Return the mesh of the most certain face and the detector's score.

        Args:
            picture: square RGB, uint8 [H, H, 3].

        Returns:
            Points [468, 3] in picture sides: x to the right, y down, z away from the camera on the scale of x, about
            zero at the middle of the head; and the score in [0, 1].
        """
        box = self.detect(picture)
        score = box.score
        for _ in range(PASSES):
            points = self._read_box(picture, box)
            flat = points[:, :2]
            low, high = flat.min(axis=0), flat.max(axis=0)
            eyes = flat[LEFT_EYE] - flat[RIGHT_EYE]
            box = Box((low + high) / 2, float((high - low).max()), float(np.arctan2(eyes[1], eyes[0])), score)
        return (points / len(picture)).astype(np.float32), score

    def _read_box(self, picture: NDArray, box: Box) -> NDArray:
        half = box.side * MARGIN / 2
        across = np.array([np.cos(box.angle), np.sin(box.angle)]) * half
        down = np.array([-across[1], across[0]])
        corners = np.float32([box.center - across - down, box.center + across - down, box.center - across + down])
        ends = np.float32([[0, 0], [MESH_SIZE, 0], [0, MESH_SIZE]])
        matrix = cv2.getAffineTransform(corners, ends)
        seen = cv2.warpAffine(picture, matrix, (MESH_SIZE, MESH_SIZE), borderMode=cv2.BORDER_REPLICATE)
        self._mesh.setInput(cv2.dnn.blobFromImage(seen, 1 / 255, (MESH_SIZE, MESH_SIZE)))
        points = self._mesh.forward().reshape(POINTS, 3).astype(np.float64)
        back = cv2.invertAffineTransform(matrix)
        flat = points[:, :2] @ back[:, :2].T + back[:, 2]
        return np.concatenate([flat, points[:, 2:] * (2 * half / MESH_SIZE)], axis=1)


def _anchors() -> NDArray:
    """Centers of the detector's 896 anchors [896, 2] in picture sides."""
    parts = []
    for cells, repeats in ANCHOR_GRIDS:
        middle = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(middle, middle)
        parts.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), repeats, axis=0))
    return np.concatenate(parts)
