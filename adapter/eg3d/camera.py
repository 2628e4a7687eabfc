"""Camera labels: where a camera stands and looks, a base's usual cameras, and the orbit of its videos.

A label is 25 numbers: cam2world row by row (16), then the intrinsics normalised by the image size (9). Axes follow
OpenCV: the columns of cam2world are right, down, forward. World: y up, the face looks along +z.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.config import FOCAL, RADIUS, Eg3dConfig

Angles = Tensor | Sequence[float] | float


def camera_label(cam2world: Tensor, focal: float = FOCAL) -> Tensor:
    """Labels [N, 25] of poses [N, 4, 4] and a focal length in image widths."""
    intrinsics = cam2world.new_tensor([focal, 0, 0.5, 0, focal, 0.5, 0, 0, 1])
    return torch.cat([cam2world.flatten(1), intrinsics.expand(len(cam2world), -1)], dim=1)


def look_at(
    yaw: Angles,
    pitch: Angles = 0.0,
    radius: float = RADIUS,
    pivot: Sequence[float] = (0.0, 0.0, 0.0),
    focal: float = FOCAL,
) -> Tensor:
    """Labels [N, 25] of upright cameras on a sphere around the origin that look at ``pivot``.

    Args:
        yaw: radians, [N] or a number; positive moves the camera to +x.
        pitch: radians, [N] or a number; positive moves the camera up. A true angle, while EG3D's own samplers take a
            number v in [0, pi] that is even in area: pitch = asin(1 - 2 v / pi).
        radius: distance from the origin.
        focal: in image widths.
    """
    angles = (torch.atleast_1d(torch.as_tensor(angle, dtype=torch.float32)) for angle in (yaw, pitch))
    y, p = torch.broadcast_tensors(*angles)
    position = radius * torch.stack([y.sin() * p.cos(), p.sin(), y.cos() * p.cos()], dim=-1)
    forward = F.normalize(position.new_tensor(pivot) - position, dim=-1)
    up = forward.new_tensor([0.0, 1.0, 0.0]).expand_as(forward)
    right = F.normalize(torch.linalg.cross(forward, up), dim=-1)
    down = torch.linalg.cross(forward, right)
    pose = torch.stack([right, down, forward, position], dim=-1)
    last = pose.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(len(pose), 1, 4)
    return camera_label(torch.cat([pose, last], dim=1), focal)


def cameras_around_front(config: Eg3dConfig, yaw: Angles, pitch: Angles = 0.0, zoom: float = 1.0) -> Tensor:
    """Labels [N, 25] of a base's usual cameras at angles in radians from the front; ``zoom`` multiplies the focal."""
    return look_at(yaw, pitch, config.camera_radius, config.camera_pivot, config.focal * zoom)


def frontal_label(config: Eg3dConfig, count: int = 1) -> Tensor | None:
    """The label [count, 25] that latents of a conditional base are mapped with; None for an unconditional one."""
    return cameras_around_front(config, torch.zeros(count)) if config.conditioning else None


@dataclass(frozen=True)
class SwingPath:
    """The orbit of videos: it swings to one side, to the other, and back the way it came.

    Both ways share their poses, so a loop needs only half as many renderings as it has frames.

    Args:
        frames: of the loop, a multiple of 4.
        yaw, pitch: largest angles, in radians.
    """

    frames: int = 72
    yaw: float = 0.45
    pitch: float = 0.1

    @property
    def poses(self) -> list[tuple[float, float]]:
        """The distinct (yaw, pitch), from one side to the other; the middle one is frontal in yaw."""
        half = self.frames // 2
        phases = [math.pi * (k / half - 0.5) for k in range(half + 1)]
        return [(self.yaw * math.sin(phase), self.pitch * math.cos(2 * phase)) for phase in phases]

    @property
    def order(self) -> list[int]:
        """The pose of each frame, from the middle; the frame after the last is the first."""
        half, middle = self.frames // 2, self.frames // 4
        return [*range(middle, half), *range(half, 0, -1), *range(middle)]
