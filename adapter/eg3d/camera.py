"""Camera labels: look-at poses, orbits, and EG3D's own equal-area sampler.

A label is 25 numbers: cam2world row by row (16), then the intrinsics normalised by the image size (9). Axes follow
OpenCV: the columns of cam2world are right, down, forward. World: y up, the face looks along +z.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

FOCAL = 4.2647
RADIUS = 2.7


def focal_from_diagonal_fov(degrees: float) -> float:
    """Focal length in image widths from a field of view across the diagonal, as EG3D's scripts compute it."""
    return 1 / (math.tan(degrees * 3.14159 / 360) * 1.414)


def camera_label(cam2world: Tensor, focal: float | Tensor = FOCAL) -> Tensor:
    """Pack poses [N, 4, 4] and a focal length (image widths; a number or [N]) into labels [N, 25]."""
    count = len(cam2world)
    intrinsics = cam2world.new_zeros(count, 9)
    intrinsics[:, 0] = intrinsics[:, 4] = torch.as_tensor(focal, dtype=cam2world.dtype)
    intrinsics[:, 2] = intrinsics[:, 5] = 0.5
    intrinsics[:, 8] = 1
    return torch.cat([cam2world.reshape(count, 16), intrinsics], dim=1)


def pose_towards(position: Tensor, pivot: Tensor) -> Tensor:
    """Poses [N, 4, 4] of cameras at ``position`` [N, 3] that look at ``pivot`` [3] or [N, 3], y up."""
    forward = torch.nn.functional.normalize(pivot - position, dim=-1)
    up = forward.new_tensor([0.0, 1.0, 0.0]).expand_as(forward)
    right = -torch.nn.functional.normalize(torch.linalg.cross(up, forward), dim=-1)
    down = torch.nn.functional.normalize(torch.linalg.cross(forward, right), dim=-1)
    pose = torch.stack([right, down, forward, position], dim=-1)
    last = pose.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(len(pose), 1, 4)
    return torch.cat([pose, last], dim=1)


def look_at(
    yaw: Tensor | Sequence[float] | float,
    pitch: Tensor | Sequence[float] | float = 0.0,
    radius: float = RADIUS,
    pivot: Sequence[float] = (0.0, 0.0, 0.0),
    focal: float = FOCAL,
) -> Tensor:
    """Labels [N, 25] of cameras on a sphere around ``pivot``.

    Args:
        yaw: radians, [N] or a number; positive moves the camera to +x.
        pitch: radians; positive moves the camera up. A true angle, unlike ``lookat_equal_area``.
        radius: distance from ``pivot``.
        focal: in image widths.
    """
    yaw, pitch = torch.broadcast_tensors(
        torch.atleast_1d(torch.as_tensor(yaw, dtype=torch.float32)),
        torch.atleast_1d(torch.as_tensor(pitch, dtype=torch.float32)),
    )
    direction = torch.stack([yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos()], dim=-1)
    centre = torch.tensor(list(pivot), dtype=torch.float32, device=direction.device)
    return camera_label(pose_towards(centre + radius * direction, centre), focal)


def lookat_equal_area(
    horizontal: Tensor | float,
    vertical: Tensor | float,
    radius: float = RADIUS,
    pivot: Sequence[float] = (0.0, 0.0, 0.2),
    focal: float = FOCAL,
) -> Tensor:
    """EG3D's look-at sampler: labels [N, 25]; pi/2, pi/2 is frontal.

    The position lies on a sphere around the *origin* and ``vertical`` is equal-area (latitude asin(1 - 2v/pi)), so
    an offset of 0.2 is about 7.3 degrees.
    """
    horizontal, vertical = torch.broadcast_tensors(
        torch.atleast_1d(torch.as_tensor(horizontal, dtype=torch.float32)),
        torch.atleast_1d(torch.as_tensor(vertical, dtype=torch.float32)),
    )
    vertical = vertical.clamp(1e-5, math.pi - 1e-5)
    polar = torch.arccos(1 - 2 * vertical / math.pi)
    around = math.pi - horizontal
    direction = torch.stack([polar.sin() * around.cos(), polar.cos(), polar.sin() * around.sin()], dim=-1)
    centre = torch.tensor(list(pivot), dtype=torch.float32, device=direction.device)
    return camera_label(pose_towards(radius * direction, centre), focal)


def orbit(
    frames: int,
    yaw: float = 0.35,
    pitch: float = 0.15,
    radius: float = RADIUS,
    pivot: Sequence[float] = (0.0, 0.0, 0.0),
    focal: float = FOCAL,
) -> Tensor:
    """Labels [frames, 25] of a closed path: an ellipse of ``yaw`` by ``pitch`` radians around the front.

    The frame after the last is the first, so a video of it loops without a seam.
    """
    turn = torch.arange(frames) * (2 * math.pi / frames)
    return look_at(yaw * turn.sin(), pitch * turn.cos(), radius, pivot, focal)
