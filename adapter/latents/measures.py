"""What a face mesh and a render tell about a person, as numbers: what edits are named and judged by."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.media.face_mesh import Face, find_faces
from adapter.media.head_pose import fit_pose

READ_SIDE = 512
"""Pixels at which renders are read; the mesh network wants a face of some size."""
_PATCH = 0.05  # side of the patches whose tone is read, in face widths


@dataclass(frozen=True)
class Sitting:
    """One render: its picture uint8 [S, S, 3], the mesh [468, 2] in pixels, and the mesh [468, 3] in face widths.

    The second mesh is carried back to the mean face's frame, so that it does not depend on the pose.
    """

    picture: NDArray[np.uint8]
    pixels: NDArray[np.float32]
    points: NDArray[np.float64]

    def distance(self, a: int, b: int) -> float:
        """Between two points of the mesh, in face widths."""
        return float(np.linalg.norm(self.points[a] - self.points[b]))

    def tone(self, x: float, y: float) -> float:
        """Mean lightness, 0 to 1, of a patch around a place in pixels; NaN beyond the picture."""
        half = max(1, round(_PATCH * float(np.linalg.norm(self.pixels[234] - self.pixels[454])) / 2))
        left, top = round(x), round(y)
        patch = self.picture[max(0, top - half) : max(0, top + half), max(0, left - half) : max(0, left + half)]
        return float(patch.mean() / 255) if patch.size else float("nan")


@dataclass(frozen=True)
class Measure:
    """A number that can be read of a render.

    Attributes:
        name: of the edit that changes it.
        low, high: what a person becomes at the two ends, as words.
        read: the number.
    """

    name: str
    low: str
    high: str
    read: Callable[[Sitting], float]


def sit(picture: NDArray[np.uint8]) -> Sitting | None:
    """Read the mesh of a render uint8 [S, S, 3]; None without a face."""
    large = cv2.resize(picture, (READ_SIDE, READ_SIDE), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    faces = find_faces(large)
    return None if not faces else _sitting(large, faces[0])


def measure(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """All of `MEASURES` of a render [M]; NaN without a face."""
    sitting = sit(picture)
    if sitting is None:
        return np.full(len(MEASURES), np.nan)
    return np.array([each.read(sitting) for each in MEASURES])


def _sitting(picture: NDArray[np.uint8], face: Face) -> Sitting:
    pose = fit_pose(face.points)
    points = ((face.points - pose.shift) / pose.scale) @ pose.rotation.T
    return Sitting(picture, face.points[:, :2], points)


def _smile(s: Sitting) -> float:
    """Corners of the mouth above the lips' middle, and the mouth's width."""
    corners = (s.points[61, 1] + s.points[291, 1]) / 2
    return float((s.points[0, 1] + s.points[17, 1]) / 2 - corners) + 0.5 * s.distance(61, 291)


def _eyes_open(s: Sitting) -> float:
    return s.distance(159, 145) / s.distance(33, 133) + s.distance(386, 374) / s.distance(362, 263)


def _skin_tone(s: Sitting) -> float:
    return -float(np.mean([s.tone(*s.pixels[k]) for k in (50, 280, 151)]))


def _hair_tone(s: Sitting) -> float:
    up = (s.pixels[10] - s.pixels[152]) * 0.2
    return float(np.nanmean([s.tone(*(s.pixels[k] + up)) for k in (10, 109, 338)]))


MEASURES: tuple[Measure, ...] = (
    Measure("smile", "serious", "smiling", _smile),
    Measure("eyes_open", "eyes narrowed", "eyes wide open", _eyes_open),
    Measure("mouth_open", "mouth closed", "mouth open", lambda s: s.distance(13, 14)),
    Measure("skin_tone", "lighter skin", "darker skin", _skin_tone),
    Measure("hair_tone", "darker hair", "lighter hair", _hair_tone),
    Measure("face_width", "narrower face", "wider face", lambda s: s.distance(234, 454) / s.distance(10, 152)),
)
"""In the order in which they are told apart, see `adapter.latents.readings`."""
EXPRESSIONS = 3
"""That many of them change from moment to moment; they come before everything that stays."""
