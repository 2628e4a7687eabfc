"""Faces in a picture: MediaPipe's detector and mesh of 468 points, run by OpenCV. Also reads paintings and masks."""

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.utils.paths import CHECKPOINTS

POINTS = 468
LEFT_EYE, RIGHT_EYE, LEFT_CHEEK, RIGHT_CHEEK, FOREHEAD, CHIN = 33, 263, 234, 454, 10, 152
"""Points of the mesh, named by their side of the picture: outer corners of the eyes, edges of the face at the ears."""
CERTAIN_SCORE, LEAST_SCORE, CERTAIN_PRESENCE = 0.7, 0.3, 0.4
"""A face counts if the detector is certain, or half certain while the mesh network agrees: no statue convinces that."""
DETECTOR_SIZE, _MESH_SIZE = 256, 192
_ANCHOR_GRIDS = ((16, 2), (8, 6))  # cells along a side of the detector's two grids, anchors in each cell
_MARGIN = 1.5  # side of the square that the mesh network reads, in sides of the face's box
_PASSES = 2
_OVERLAP = 0.3
_MARGINS = (1.0, 1.6)  # the detector also reads the picture inside a wider frame: a face may fill it
FOLDER = CHECKPOINTS / "face-mesh"


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        points: mesh [468, 3] in pixels: x to the right, y down, z away from the camera, about 0 at the head's middle.
        score: of the detector, in [0, 1].
        presence: how sure the mesh network is that it reads a face, in [0, 1].
    """

    points: NDArray[np.float32]
    score: float
    presence: float

    @property
    def width(self) -> float:
        """Distance of the face's edges before the ears in pixels, whatever side the face shows."""
        return float(np.linalg.norm(self.points[RIGHT_CHEEK] - self.points[LEFT_CHEEK]))

    @property
    def middle(self) -> NDArray:
        """Middle between the ears [2] in pixels."""
        return (self.points[LEFT_CHEEK, :2] + self.points[RIGHT_CHEEK, :2]) / 2

    @property
    def axes(self) -> NDArray:
        """Unit vectors [3, 3] in the picture's frame: to the right, down, and forward out of the face."""
        across = _unit(self.points[RIGHT_CHEEK] - self.points[LEFT_CHEEK])
        down = self.points[CHIN] - self.points[FOREHEAD]
        down = _unit(down - across * (down @ across))
        return np.stack([across, down, np.cross(down, across)])

    @property
    def roll(self) -> float:
        """Radians by which the head is turned clockwise in the picture."""
        across = self.axes[0]
        return float(np.arctan2(across[1], np.hypot(across[0], across[2])))


@dataclass(frozen=True)
class Box:
    """A square around a face: center [2] and side in pixels, angle of the eyes in radians, score in [0, 1]."""

    center: NDArray
    side: float
    angle: float
    score: float


def find_faces(image: NDArray[np.uint8]) -> list[Face]:
    """Find the faces of a picture, the largest first.

    Detector: BlazeFace (Bazarevsky et al. 2019). Mesh: Kartynnik et al. 2019, refined once from its own first result.

    Args:
        image: RGB uint8 [H, W, 3].

    Raises:
        FileNotFoundError: the networks' files are missing.
    """
    detector, mesh = _networks()
    boxes = [box for margin in _MARGINS for box in _detect(detector, image, margin) if box.score >= LEAST_SCORE]
    faces = [read_face(mesh, image, box) for box in _without_overlaps(boxes)]
    certain = [face for face in faces if face.score >= CERTAIN_SCORE or face.presence >= CERTAIN_PRESENCE]
    return sorted(certain, key=lambda face: face.width, reverse=True)


@functools.cache
def _networks() -> tuple[cv2.dnn.Net, cv2.dnn.Net]:
    paths = FOLDER / "face_detection_back.tflite", FOLDER / "face_landmark.tflite"
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(2, "No such file", str(path))
    return cv2.dnn.readNetFromTFLite(str(paths[0])), cv2.dnn.readNetFromTFLite(str(paths[1]))


def _detect(detector: cv2.dnn.Net, image: NDArray, margin: float) -> list[Box]:
    """Boxes that the detector proposes for the picture inside a square ``margin`` times its longer side."""
    height, width = image.shape[:2]
    side = margin * max(height, width)
    corner = np.array([width - side, height - side]) / 2
    scale = DETECTOR_SIZE / side
    matrix = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    small = image
    if scale < 0.5:
        step = int(0.5 / scale)
        small = cv2.resize(image, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([width / small.shape[1], height / small.shape[0], 1.0])
    square = cv2.warpAffine(small, matrix, (DETECTOR_SIZE, DETECTOR_SIZE), borderMode=cv2.BORDER_REPLICATE)
    detector.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, (DETECTOR_SIZE, DETECTOR_SIZE), (127.5,) * 3))
    # One output at a time: OpenCV refuses a list of them.
    logits = detector.forward("classificators").reshape(-1)
    values = detector.forward("regressors").reshape(len(logits), 8, 2) / DETECTOR_SIZE
    boxes = []
    for place in np.argsort(-logits)[:32]:
        center = corner + (anchors()[place] + values[place, 0]) * side
        eyes = values[place, 3] - values[place, 2]
        boxes.append(
            Box(
                center,
                float(values[place, 1].max() * side),
                float(np.arctan2(eyes[1], eyes[0])),
                sigmoid(float(logits[place])),
            )
        )
    return boxes


def _without_overlaps(boxes: list[Box]) -> list[Box]:
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: box.score, reverse=True):
        if all(_overlap(box, other) < _OVERLAP for other in kept):
            kept.append(box)
    return kept


def _overlap(a: Box, b: Box) -> float:
    """Shared area of two upright squares, as a share of the smaller one."""
    shared = np.minimum(a.center + a.side / 2, b.center + b.side / 2) - np.maximum(
        a.center - a.side / 2, b.center - b.side / 2
    )
    return float(np.prod(np.clip(shared, 0, None)) / max(min(a.side, b.side) ** 2, 1e-6))


def read_face(mesh: cv2.dnn.Net, image: NDArray, box: Box) -> Face:
    """Read the mesh of the face in a box, refined once from its own first result.

    Args:
        mesh: the mesh network.
        image: RGB uint8 [H, W, 3].
        box: see `Box`.
    """
    points, presence = np.zeros((POINTS, 3)), 0.0
    for _ in range(_PASSES):
        points, presence = _read_box(mesh, image, box)
        flat = points[:, :2]
        eyes = flat[RIGHT_EYE] - flat[LEFT_EYE]
        low, high = flat.min(axis=0), flat.max(axis=0)
        box = Box((low + high) / 2, float((high - low).max()), float(np.arctan2(eyes[1], eyes[0])), box.score)
    return Face(points.astype(np.float32), box.score, presence)


def _read_box(mesh: cv2.dnn.Net, image: NDArray, box: Box) -> tuple[NDArray, float]:
    half = box.side * _MARGIN / 2
    across = np.array([np.cos(box.angle), np.sin(box.angle)]) * half
    down = np.array([-across[1], across[0]])
    corners = np.array([box.center - across - down, box.center + across - down, box.center - across + down])
    ends = np.array([[0, 0], [_MESH_SIZE, 0], [0, _MESH_SIZE]])
    matrix = cv2.getAffineTransform(corners.astype(np.float32), ends.astype(np.float32))
    square = cv2.warpAffine(image, matrix, (_MESH_SIZE, _MESH_SIZE), borderMode=cv2.BORDER_REPLICATE)
    mesh.setInput(cv2.dnn.blobFromImage(square, 1 / 255, (_MESH_SIZE, _MESH_SIZE)))
    points = mesh.forward("conv2d_20").reshape(POINTS, 3).astype(np.float64)
    presence = sigmoid(float(mesh.forward("conv2d_30").item()))
    back = cv2.invertAffineTransform(matrix)
    flat = points[:, :2] @ back[:, :2].T + back[:, 2]
    return np.concatenate([flat, points[:, 2:] * (2 * half / _MESH_SIZE)], axis=1), presence


def _unit(vector: NDArray) -> NDArray:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), without an overflow."""
    return 1 / (1 + float(np.exp(-min(max(logit, -50.0), 50.0))))


@functools.cache
def anchors() -> NDArray:
    """Centers of the detector's 896 anchors [896, 2] in sides of its square."""
    parts = []
    for cells, repeats in _ANCHOR_GRIDS:
        middle = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(middle, middle)
        parts.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), repeats, axis=0))
    return np.concatenate(parts)
