"""Detection of the most certain face and its mesh of 468 points, as the training pictures are framed."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.media.face_mesh import DETECTOR_SIZE, Box, anchors, read_face, sigmoid


class MeshReader:
    """MediaPipe's detector and face mesh (Bazarevsky et al. 2019, Kartynnik et al. 2019)."""

    def __init__(self, detector: Path, mesh: Path) -> None:
        self._detector = cv2.dnn.readNetFromTFLite(str(detector))
        self._mesh = cv2.dnn.readNetFromTFLite(str(mesh))

    def detect(self, picture: NDArray) -> Box:
        """Return the most certain face of a square RGB picture, uint8 [H, H, 3]."""
        size = (DETECTOR_SIZE, DETECTOR_SIZE)
        self._detector.setInput(cv2.dnn.blobFromImage(picture, 1 / 127.5, size, (127.5, 127.5, 127.5)))
        # One output at a time: OpenCV refuses a list of them.
        logits = self._detector.forward("classificators").reshape(-1)
        best = int(logits.argmax())
        values = self._detector.forward("regressors").reshape(-1, 16)[best].reshape(8, 2) / DETECTOR_SIZE
        eyes, side = values[3] - values[2], len(picture)
        center = (anchors()[best] + values[0]) * side
        angle = float(np.arctan2(eyes[1], eyes[0]))
        return Box(center, float(values[1].max() * side), angle, sigmoid(float(logits[best])))

    def read(self, picture: NDArray) -> tuple[NDArray, float]:
        """Return the mesh of the most certain face and the detector's score.

        Args:
            picture: square RGB, uint8 [H, H, 3].

        Returns:
            Points [468, 3] in picture sides: x to the right, y down, z away from the camera on the scale of x, about
            zero at the middle of the head; and the score in [0, 1].
        """
        face = read_face(self._mesh, picture, self.detect(picture))
        return face.points / len(picture), face.score
