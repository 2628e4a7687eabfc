"""Pose of face meshes: the similarity that carries a mean template to each of them.

Meshes and template share a frame: x to the right, y down, z away from the camera. The template's face looks along -z.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROUNDS = 8


class Similarity(NamedTuple):
    """Maps template points X [.., 3] to scale * X @ rotation + shift: scale [K], rotation [K, 3, 3], shift [K, 3]."""

    scale: NDArray
    rotation: NDArray
    shift: NDArray

    def apply(self, points: NDArray) -> NDArray:
        """Carry template points [M, 3] to every one of the K frames: [K, M, 3]."""
        return self.scale[:, None, None] * (points @ self.rotation) + self.shift[:, None]

    def undo(self, points: NDArray) -> NDArray:
        """Carry points [K, M, 3] of the K frames back to the template's frame."""
        return ((points - self.shift[:, None]) / self.scale[:, None, None]) @ self.rotation.transpose(0, 2, 1)


class Angles(NamedTuple):
    """Radians [K]: yaw positive where the face turns to the picture's right, pitch positive where it looks up."""

    yaw: NDArray
    pitch: NDArray
    roll: NDArray


def fit(template: NDArray, points: NDArray) -> Similarity:
    """Least-squares similarity (Umeyama 1991) from the template [M, 3] to meshes [K, M, 3]."""
    template, points = template.astype(np.float64), points.astype(np.float64)
    middle, middles = template.mean(axis=0), points.mean(axis=1)
    own, theirs = template - middle, points - middles[:, None]
    left, values, right = np.linalg.svd(own.T @ theirs)
    signs = np.ones_like(values)
    signs[:, 2] = np.sign(np.linalg.det(left @ right))
    rotation = (left * signs[:, None]) @ right
    scale = (values * signs).sum(axis=1) / np.square(own).sum()
    shift = middles - scale[:, None] * (middle @ rotation)
    return Similarity(scale, rotation, shift)


def residual(template: NDArray, points: NDArray, similarity: Similarity) -> NDArray:
    """Root mean square distance [K] between meshes and fitted template in the picture's plane, in face widths."""
    apart = (similarity.apply(template) - points)[..., :2] / similarity.scale[:, None, None]
    return np.sqrt(np.square(apart).sum(axis=2).mean(axis=1))


def mean_template(points: NDArray) -> NDArray:
    """Mean face [M, 3] of meshes [K, M, 3] by generalized Procrustes analysis; its width is 1.

    Its frame is that of the plain mean, so meshes that are seen from all sides alike give a frontal template.
    """
    shapes = points - points.mean(axis=1, keepdims=True)
    shapes = shapes / np.sqrt(np.square(shapes).sum(axis=(1, 2), keepdims=True))
    template = first = shapes.mean(axis=0)
    for _ in range(ROUNDS):
        template = fit(template, shapes).undo(shapes).mean(axis=0)
        turned = fit(template, first[None])
        template = template @ turned.rotation[0]
        template = template - template.mean(axis=0)
    return template / np.ptp(template[:, 0])


def angles(rotation: NDArray) -> Angles:
    """Angles of rotations [K, 3, 3] whose rows are where the template's axes point in the picture's frame."""
    forward, across = -rotation[:, 2], rotation[:, 0]
    yaw = np.arctan2(forward[:, 0], -forward[:, 2])
    pitch = np.arcsin(np.clip(-forward[:, 1], -1, 1))
    return Angles(yaw, pitch, np.arctan2(across[:, 1], np.hypot(across[:, 0], across[:, 2])))
