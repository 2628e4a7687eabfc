"""Distance maps from face meshes, by points that are dense on the mean face."""

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.training.faces.crop import PIVOT, SIDE
from adapter.training.faces.pose import Similarity

FOCAL, RADIUS = 4.2647, 2.7
"""Of the camera that sees a crop: focal length in crop sides, distance from the pivot in world units."""
FACE_WIDTH = RADIUS / FOCAL / SIDE
"""One face width in world units."""
GRID = 110
"""Points across the template's frontal view."""


def surface_weights(template: NDArray) -> NDArray:
    """Weights [Q, 468] that make dense surface points of a mesh, float32.

    The template [468, 3] is triangulated in its frontal view (Delaunay) and sampled on an even grid.
    """
    flat = template[:, :2] - template[:, :2].min(axis=0) + 0.05
    scale = 1000.0
    area = (0, 0, int(flat[:, 0].max() * scale) + 60, int(flat[:, 1].max() * scale) + 60)
    division = cv2.Subdiv2D(area)
    for point in flat * scale:
        division.insert((float(point[0]), float(point[1])))
    corners = division.getTriangleList().reshape(-1, 3, 2) / scale
    distance = np.abs(corners[:, :, None] - flat[None, None]).sum(axis=-1)
    triangles = distance.argmin(axis=-1)[(distance.min(axis=-1) < 1e-4).all(axis=-1)]
    axis = np.linspace(0, 1, GRID)
    grid = np.stack(np.meshgrid(axis * flat[:, 0].max(), axis * flat[:, 1].max()), axis=-1).reshape(-1, 2)
    rows = []
    for triangle in triangles:
        matrix = np.concatenate([flat[triangle].T, np.ones((1, 3))])
        if abs(np.linalg.det(matrix)) < 1e-12:
            continue
        shares = np.linalg.solve(matrix, np.concatenate([grid.T, np.ones((1, len(grid)))])).T
        for share in shares[(shares >= -1e-9).all(axis=1)]:
            row = np.zeros(len(template), np.float32)
            row[triangle] = share
            rows.append(row)
    return np.stack(rows)


def distance_map(
    points: NDArray, similarity: Similarity, matrix: NDArray, surface: NDArray, side: int, size: int, crop: int
) -> NDArray:
    """Distance from the camera to the face, float32 [size, size] in world units; zero where there is no face.

    Args:
        points: one mesh [468, 3] in source sides.
        similarity: its fit, of one mesh.
        matrix: from source pixels to crop pixels [2, 3].
        surface: from `surface_weights`.
        side: of the source picture in pixels.
        size: of the map.
        crop: side of the crop in pixels.
    """
    dense = surface @ points
    flat = (dense[:, :2] * side) @ matrix[:, :2].T + matrix[:, 2]
    pivot = similarity.apply(PIVOT[None])[0, 0]
    away = RADIUS + (dense[:, 2] - pivot[2]) / similarity.scale[0] * FACE_WIDTH
    across = (flat / crop - 0.5) / FOCAL
    distance = away * np.sqrt(1 + np.square(across).sum(axis=1))
    column, row = np.floor(flat / crop * size).astype(int).T
    seen = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    nearest = np.full(size * size, np.inf, np.float32)
    np.minimum.at(nearest, row[seen] * size + column[seen], distance[seen].astype(np.float32))
    return np.where(np.isfinite(nearest), nearest, 0).reshape(size, size)
