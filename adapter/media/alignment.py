"""The square of a picture in which a face stands as a base's training pictures show faces: level, and of their size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapter.media.face_mesh import Face


@dataclass(frozen=True)
class Framing:
    """Where the heads of a base stand in its pictures.

    Args:
        side: of the picture, in face widths.
        above: by which the picture's middle lies above the middle between the ears, in sides.
        behind: by which it lies behind, in sides; a turned head moves the middle by that much times the turn's sine.
    """

    side: float
    above: float
    behind: float


HEADS = Framing(side=1.98, above=0.075, behind=0.113)
"""Measured on renders of the base ``heads`` from -0.5 to 0.5 radians."""


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


def align(face: Face, framing: Framing) -> Square:
    """Compute the level square around a face."""
    side = framing.side * face.width
    _, down, forward = face.axes
    x, y = face.middle - side * (framing.above * down[:2] + framing.behind * forward[:2])
    return Square(float(x), float(y), side, face.roll)
