"""Parts made of simple shapes: the row of upper teeth and glasses."""

import numpy as np

from adapter.synthetic.heads.hair import grid_triangles


def teeth(anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A smooth curved white band through the upper teeth.

    Args:
        anchors: [T,3] vertices of MakeHuman's upper teeth after deformation.

    Returns:
        vertices, triangles, normals (those of the arch, so that the band shades evenly).
    """
    front, back = anchors[:, 2].max(), anchors[:, 2].min()
    lowest = anchors[anchors[:, 2] > front - 0.12, 1].min()
    width = 0.94 * np.abs(anchors[:, 0]).max()
    angle = np.linspace(-1.45, 1.45, 21)[:, None]
    height = np.linspace(0, 1, 4)[None]
    x = width * np.sin(angle) * np.ones_like(height)
    y = lowest + 0.01 + 0.05 * (1 - np.cos(angle)) + 0.20 * height
    z = back + (front - back) * np.cos(angle) - 0.02 - 0.02 * height
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    normals = np.stack([0.5 * np.sin(angle) + 0 * height, 0 * x, 1 + 0 * x], -1).reshape(-1, 3)
    i = np.arange(20)[:, None] * 4 + np.arange(3)
    triangles = np.concatenate([np.stack([i, i + 1, i + 4], -1), np.stack([i + 4, i + 1, i + 5], -1)])
    return vertices, triangles.reshape(-1, 3), normals / np.linalg.norm(normals, axis=1, keepdims=True)


def tube(path: np.ndarray, radius: float, closed: bool, sides: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """A round tube along a path [P,3]: vertices, triangles."""
    tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not closed:
        tangent[0], tangent[-1] = path[1] - path[0], path[-1] - path[-2]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    reference = np.array([0.3, 0.2, 0.93]) if abs(tangent[0, 2]) < 0.8 else np.array([0, 1.0, 0])
    across = np.cross(tangent, reference)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(tangent, across)
    angle = np.arange(sides) * 2 * np.pi / sides
    ring = np.cos(angle)[:, None] * across[:, None] + np.sin(angle)[:, None] * up[:, None]
    vertices = (path[:, None] + radius * ring).transpose(1, 0, 2).reshape(-1, 3)
    triangles = grid_triangles(sides, len(path))
    if closed:
        i = np.arange(sides) * len(path)
        j = (np.arange(sides) + 1) % sides * len(path)
        last = len(path) - 1
        triangles = np.concatenate([triangles, np.stack([i + last, i, j + last], -1), np.stack([j + last, i, j], -1)])
    return vertices, triangles


def glasses(left_eye: np.ndarray, right_eye: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thick rims, bridge and temples in front of two eyeballs [E,3]: vertices, triangles."""
    centers = {1: left_eye.mean(0), -1: right_eye.mean(0)}
    front = max(left_eye[:, 2].max(), right_eye[:, 2].max()) + 0.17
    rx, ry, rim = 0.285, 0.235, 0.036
    pieces = []
    theta = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    for side, center in centers.items():
        c, s = np.cos(theta), np.sin(theta)
        x = center[0] + side * 0.025 + rx * np.sign(c) * np.abs(c) ** 0.72
        y = center[1] - 0.03 + ry * np.sign(s) * np.abs(s) ** 0.72
        z = front - 0.35 * np.maximum(0, np.abs(x) - 0.28) ** 1.5
        pieces.append(tube(np.stack([x, y, z], -1), rim, closed=True))
        hinge = side * (abs(center[0]) + rx + 0.045)
        temple = [
            [hinge, center[1] + 0.05, front - 0.10],
            [side * 0.74, center[1] + 0.06, front - 0.45],
            [side * 0.72, center[1] + 0.05, front - 1.00],
        ]
        pieces.append(tube(np.array(temple), 0.03, closed=False))
    inner = abs(centers[1][0]) - rx + 0.03
    bridge = [[k * inner, centers[1][1] + 0.03 + 0.02 * (abs(k) < 1), front + 0.01] for k in (-1, -0.3, 0.3, 1)]
    pieces.append(tube(np.array(bridge), 0.032, closed=False))
    starts = np.cumsum([0] + [len(v) for v, _ in pieces])
    return (
        np.concatenate([v for v, _ in pieces]),
        np.concatenate([t + o for (_, t), o in zip(pieces, starts, strict=False)]),
    )
