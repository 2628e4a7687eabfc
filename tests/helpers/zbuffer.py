"""Renders of triangle meshes, to look at what a mesh file holds."""

import numpy as np
from torch import Tensor

from adapter.meshes.mesh import Mesh
from adapter.synthetic.heads.rasterize import rasterize


def visible(vertices: np.ndarray, faces: np.ndarray, camera: Tensor, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The triangle of each pixel [S, S], -1 where there is none, and the weights of its corners [S, S, 3]."""
    label = camera.double().numpy().reshape(-1)
    pose, k = np.linalg.inv(label[:16].reshape(4, 4)), label[16:].reshape(3, 3)
    local = vertices @ pose[:3, :3].T + pose[:3, 3]
    places = (local[:, :2] / local[:, 2:] * k.diagonal()[:2] + k[:2, 2]) * side
    screen = np.concatenate([places, 1 / local[:, 2:]], axis=1).astype(np.float32)
    near, second, third = (np.zeros((side, side), np.float32) for _ in range(3))
    triangle = np.zeros((side, side), np.int32)
    rasterize(screen, np.ascontiguousarray(faces, np.int32), near, triangle, second, third)
    return triangle, np.stack([1 - second - third, second, third], axis=-1)


def picture(mesh: Mesh, camera: Tensor, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Colors [S, S, 3] in [0, 1], and where the mesh is [S, S]."""
    triangle, weights = visible(mesh.vertices, mesh.faces, camera, side)
    there = triangle >= 0
    corners, shares = mesh.faces[triangle[there]], weights[there][..., None]
    colors = np.ones((side, side, 3))
    if mesh.texture is None:
        assert mesh.colors is not None
        colors[there] = (mesh.colors[corners] / 255 * shares).sum(axis=1)
    else:
        assert mesh.uv is not None
        wide = len(mesh.texture)
        uv = (mesh.uv[corners] * shares).sum(axis=1)
        rows, columns = np.floor((1 - uv[:, 1]) * wide), np.floor(uv[:, 0] * wide)
        colors[there] = mesh.texture[rows.astype(int).clip(0, wide - 1), columns.astype(int).clip(0, wide - 1)] / 255
    return colors, there
