"""A texture atlas without an unwrap: every two triangles share a square cell, each has its own texels."""

from dataclasses import dataclass

import numpy as np

from adapter.errors import UserError
from adapter.meshes.mesh import Mesh

SMALLEST_CELL = 5
_CELL_PER_MARGIN = 6
_MORTON_BITS = 10


@dataclass(frozen=True)
class Atlas:
    """Where the triangles of a mesh lie in a texture.

    Attributes:
        mesh: the triangles, none of which shares a vertex with another, with uv and without a texture.
        corners: of the triangle of each used texel, vertices of the given mesh [K, 3].
        weights: of these corners [K, 3]; texels beyond their triangle continue its plane.
        rows, columns: of the texels in the texture [K], from its upper left.
        side: of the texture in texels.
    """

    mesh: Mesh
    corners: np.ndarray
    weights: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    side: int

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values of the texels [K, C] from those of the given mesh's vertices [V, C]."""
        return np.einsum("kc,kcd->kd", self.weights, values[self.corners])

    def texture(self, colors: np.ndarray) -> np.ndarray:
        """The texture [T, T, 3] of the texels' colors uint8 [K, 3]."""
        picture = np.zeros((self.side, self.side, 3), np.uint8)
        picture[self.rows, self.columns] = colors
        return picture


def build_atlas(mesh: Mesh, side: int) -> Atlas:
    """Lay out a mesh; neighbours in space are neighbours in the texture, so that blurring it does little harm.

    Raises:
        UserError: the texture is too small for so many triangles.
    """
    faces = mesh.faces[np.argsort(_morton(mesh.vertices[mesh.faces].mean(axis=1)))]
    across = int(np.ceil(np.sqrt((len(faces) + 1) // 2)))
    cell = side // across
    if cell < SMALLEST_CELL:
        raise UserError(f"{len(faces)} triangles need a texture of at least {across * SMALLEST_CELL} pixels.")
    number = np.arange(len(faces))
    origins = np.stack([number // 2 % across, number // 2 // across], axis=-1) * cell
    corners, weights, places = [], [], []
    for half in (0, 1):
        own, weight = _half_cell(cell, half)
        corners.append(np.repeat(faces[half::2], len(own), axis=0))
        weights.append(np.tile(weight, (len(faces[half::2]), 1)))
        places.append((origins[half::2, None] + own).reshape(-1, 2))
    columns, rows = np.concatenate(places).T
    uv = ((origins[:, None] + _corners(cell)[number % 2]).reshape(-1, 2) + 0.5) / side
    uv[:, 1] = 1 - uv[:, 1]
    flat = faces.reshape(-1)
    loose = np.arange(len(flat), dtype=np.int32).reshape(-1, 3)
    split = Mesh(mesh.vertices[flat], loose, mesh.normals[flat], uv=uv.astype(np.float32))
    return Atlas(split, np.concatenate(corners), np.concatenate(weights), rows, columns, side)


def _layout(cell: int) -> tuple[int, int]:
    """Texels between a triangle and the border of its cell, and along its legs.

    Programs that smooth edges read a little beyond them, which must not be another triangle.
    """
    margin = cell // _CELL_PER_MARGIN
    between = max(2, -(-3 * margin // 2))  # the long sides lie across the cell's diagonal
    return margin, cell - 1 - 2 * margin - between


def _corners(cell: int) -> np.ndarray:
    """Texels (x, y) of the corners of both triangles of a cell [2, 3, 2]: upper left and lower right half."""
    margin, leg = _layout(cell)
    upper = np.array([[0, 0], [leg, 0], [0, leg]]) + margin
    return np.array([upper, cell - 1 - upper])


def _half_cell(cell: int, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Texels (x, y) of one half of a cell [K, 2], and the weights of its triangle's corners there [K, 3]."""
    y, x = np.divmod(np.arange(cell * cell), cell)
    own = np.stack([x, y], axis=-1)[(x + y >= cell) == bool(half)]
    margin, leg = _layout(cell)
    along, across = (np.abs(own - (cell - 1) * half).T - margin) / leg
    return own, np.stack([1 - along - across, along, across], axis=-1).astype(np.float32)


def _morton(points: np.ndarray) -> np.ndarray:
    """Places of points [N, 3] on the Z-order curve (Morton 1966)."""
    low, extent = points.min(axis=0), np.ptp(points, axis=0).max()
    cells = ((points - low) / max(extent, 1e-9) * (2**_MORTON_BITS - 1)).astype(np.int64)
    code = np.zeros(len(points), np.int64)
    for bit in range(_MORTON_BITS):
        for axis in range(3):
            code |= (cells[:, axis] >> bit & 1) << (3 * bit + axis)
    return code
