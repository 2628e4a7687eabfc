"""The square of a picture in which a face stands as a base's training pictures show faces: level, and of their size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adapter.media.face_mesh import LEFT_EYE, RIGHT_EYE, Face
from adapter.media.head_pose import fit_pose


@dataclass(frozen=True)
class Square:
    """A square of a picture, which may be turned and reach beyond the picture.

    Args:
        x, y: of its middle, in pixels.
        side: in pixels.
        roll: radians by which it is turned clockwise.
    """

    x: float
    y: float
    side: float
    roll: float = 0.0

    @property
    def corners(self) -> NDArray[np.float32]:
        """Corners [3, 2] in pixels: top left, top right, bottom left."""
        across = np.array([np.cos(self.roll), np.sin(self.roll)]) * self.side / 2
        down = np.array([-across[1], across[0]])
        middle = np.array([self.x, self.y])
        return np.stack([middle - across - down, middle + across - down, middle - across + down]).astype(np.float32)


class Framing(Protocol):
    """Where the heads of a base stand in its pictures."""

    def square(self, face: Face) -> Square:
        """The level square around a face."""


@dataclass(frozen=True)
class EarFraming:
    """A square around the middle between the ears.

    Args:
        side: of the picture, in face widths.
        above: by which the picture's middle lies above the middle between the ears, in sides.
        behind: by which it lies before the middle between the ears on the axis that points into the head, in sides; a
            turned head moves the middle by that much times the turn's sine.
    """

    side: float
    above: float
    behind: float

    def square(self, face: Face) -> Square:
        """The level square around a face."""
        side = self.side * face.width
        _, down, inward = face.axes
        x, y = face.middle - side * (self.above * down[:2] + self.behind * inward[:2])
        return Square(float(x), float(y), side, face.roll)


@dataclass(frozen=True)
class PivotFraming:
    """A square around a point of the head, found by fitting the mean face mesh (`adapter.media.head_pose`).

    Args:
        side: of the picture, in face widths.
        pivot: the point in the template's frame and face widths; heads turn around it.
    """

    side: float
    pivot: tuple[float, float, float]

    def square(self, face: Face) -> Square:
        """The level square around a face."""
        pose = fit_pose(face.points)
        x, y, _ = pose.apply(np.array([self.pivot]))[0]
        return Square(float(x), float(y), self.side * pose.scale, pose.roll)


@dataclass(frozen=True)
class FivePointFraming:
    """EG3D's crop of pictures in the wild, levelled: an affine camera is fitted to five landmarks.

    The standard points and the steps are Deep3DFaceRecon's (Deng et al. 2019), which EG3D takes over: the face is
    scaled so that a unit is `UNIT` pixels, and `CROP` pixels around the standard frame's origin are kept.
    """

    def square(self, face: Face) -> Square:
        """The level square around a face."""
        flat = _five_points(face)
        flat[:, 1] *= -1
        design = np.concatenate([STANDARD_POINTS, np.ones((5, 1))], axis=1)
        camera = np.linalg.lstsq(design, flat, rcond=None)[0].T
        scale = float(np.linalg.norm(camera[:, :3], axis=1).mean())
        return Square(float(camera[0, 3]), float(-camera[1, 3]), CROP * scale / UNIT, face.roll)


UNIT, CROP = 300.0, 700.0
STANDARD_POINTS = np.array(
    [
        [-0.31148657, 0.29036078, 0.13377953],
        [0.30979887, 0.28972036, 0.13179526],
        [0.0032535, -0.04617932, 0.55244243],
        [-0.25216928, -0.38133916, 0.22405732],
        [0.2484662, -0.38128236, 0.22235769],
    ]
)
"""Eyes, tip of the nose and corners of the mouth, by their side of the picture; y up, z towards the camera."""
INNER_EYES, NOSE_TIP, MOUTH_CORNERS = (133, 362), 1, (61, 291)
HEADS = EarFraming(side=1.98, above=0.075, behind=0.113)
"""Measured on renders of the base ``heads`` from -0.5 to 0.5 radians."""
FACES = PivotFraming(side=1.72, pivot=(0.0, -0.15, 0.35))
"""The training crops of the base ``faces``: the pivot lies behind the bridge of the nose."""
IN_THE_WILD = FivePointFraming()
"""For NVIDIA's EG3D and what was derived from it."""
DEFAULT_BASE = "faces"
_FRAMINGS: dict[str, Framing] = {"heads": HEADS, "faces": FACES}


def framing_of(base: str) -> Framing:
    """The framing of a base, given by its name, folder or repository; EG3D's own for any that is not embedded."""
    return _FRAMINGS.get(Path(base).name, IN_THE_WILD)


def align(face: Face, framing: Framing) -> Square:
    """Compute the level square around a face."""
    return framing.square(face)


def _five_points(face: Face) -> NDArray[np.float64]:
    """Middles of the eyes, tip of the nose, corners of the mouth [5, 2] in pixels."""
    points = face.points[:, :2].astype(np.float64)
    eyes = [(points[outer] + points[inner]) / 2 for outer, inner in zip((LEFT_EYE, RIGHT_EYE), INNER_EYES, strict=True)]
    return np.stack([*eyes, points[NOSE_TIP], *(points[corner] for corner in MOUTH_CORNERS)])
