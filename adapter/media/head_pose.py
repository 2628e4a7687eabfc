"""Pose of a head: the similarity that carries a mean face mesh to the mesh of a picture."""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapter.media.face_mesh import FOLDER, POINTS

TEMPLATE = "template.npy"


@dataclass(frozen=True)
class HeadPose:
    """Maps template points X [M, 3] to scale * X @ rotation + shift.

    Template and picture share their axes: x to the right, y down, z away from the camera. The template's face looks
    along -z and is 1 wide.

    Attributes:
        scale: pixels of a face width.
        rotation: [3, 3], whose rows are where the template's axes point.
        shift: [3] in pixels.
    """

    scale: float
    rotation: NDArray
    shift: NDArray

    def apply(self, points: NDArray) -> NDArray:
        """Carry template points [M, 3] into the picture, in pixels."""
        return self.scale * (points @ self.rotation) + self.shift

    @property
    def yaw(self) -> float:
        """Radians by which the face turns to the right of a levelled picture."""
        return float(np.arctan2(-self.rotation[2, 0], self.rotation[2, 2]))

    @property
    def pitch(self) -> float:
        """Radians by which the face looks up in a levelled picture."""
        return float(np.arcsin(np.clip(self.rotation[2, 1], -1, 1)))

    @property
    def roll(self) -> float:
        """Radians by which the head is turned clockwise in the picture."""
        across = self.rotation[0]
        return float(np.arctan2(across[1], np.hypot(across[0], across[2])))


@functools.cache
def template() -> NDArray:
    """The mean mesh [468, 3] in face widths, about 0 at its middle.

    Raises:
        FileNotFoundError: the file is missing.
    """
    points = np.load(FOLDER / TEMPLATE, allow_pickle=False)
    assert points.shape == (POINTS, 3)
    return points.astype(np.float64)


def fit_pose(points: NDArray) -> HeadPose:
    """Least-squares similarity from the template to a mesh [468, 3] in pixels."""
    return fit_similarity(template(), points.astype(np.float64))


def fit_similarity(own: NDArray, theirs: NDArray) -> HeadPose:
    """Least-squares similarity (Umeyama 1991) from points [M, 3] to other ones."""
    middle, center = own.mean(axis=0), theirs.mean(axis=0)
    left, values, right = np.linalg.svd((own - middle).T @ (theirs - center))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * signs) @ right
    scale = float((values * signs).sum() / np.square(own - middle).sum())
    return HeadPose(scale, rotation, center - scale * (middle @ rotation))
