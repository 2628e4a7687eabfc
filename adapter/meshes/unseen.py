"""Where no view looks, a base has learned little: there the surface is made fair, and colors continue from around."""

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix, diags
from scipy.sparse.linalg import splu

from adapter.meshes.extract import with_normals
from adapter.meshes.mesh import Mesh

ENOUGH = 0.02
"""Weight of the views that makes a point well seen; see `adapter.meshes.baking.View.seen`."""
KEPT_SHAPE = 3e-3
"""How strongly an unseen point keeps its place, where a seen one does with 1."""
BUMP = 0.042
"""World units: smaller bumps go where nobody looks."""
SPREAD = 1e-3
"""How strongly the colors of neighbours agree, where those of a seen point do with 1."""


def visibility(weights: np.ndarray) -> np.ndarray:
    """How well points are seen [K], 0 to 1, from the views' weights [K]."""
    return np.clip(weights / ENOUGH, 0, 1)


def fair(mesh: Mesh, seen: np.ndarray) -> Mesh:
    """The mesh with small bumps removed where it is not seen: a thin plate (Botsch and Kobbelt 2004).

    Args:
        mesh: without colors.
        seen: how well its vertices are seen [V], 0 to 1.
    """
    laplacian = _laplacian(mesh)
    kept = np.maximum(seen**2, KEPT_SHAPE)
    edges = mesh.vertices[mesh.faces[:, 0]] - mesh.vertices[mesh.faces[:, 1]]
    # A plate that bends over that length, counted in edges; what is seen does not move at all.
    stiffness = KEPT_SHAPE * (BUMP / np.linalg.norm(edges, axis=1).mean()) ** 4
    plate = diags((1 - seen) * stiffness) @ (laplacian @ laplacian)
    vertices = splu(csc_matrix(diags(kept) + plate)).solve(kept[:, None] * mesh.vertices.astype(np.float64))
    return with_normals((vertices, mesh.faces))


def fill(mesh: Mesh, colors: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Colors of all vertices [V, 3]: those that are seen, and between and beyond them smooth ones.

    Args:
        mesh: whose vertices they are.
        colors: where they are seen [V, 3].
        seen: how well [V], 0 to 1.
    """
    system = csc_matrix(diags(seen + 1e-9) + SPREAD * _laplacian(mesh))
    return splu(system).solve(seen[:, None] * colors.astype(np.float64))


def _laplacian(mesh: Mesh) -> csc_matrix:
    """Degree minus adjacency of the vertices [V, V]."""
    count = len(mesh.vertices)
    first, second = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]).T
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count)).tocsc()
    links = ((links + links.T) > 0).astype(np.float64)
    return csc_matrix(diags(np.asarray(links.sum(axis=1)).ravel()) - links)
