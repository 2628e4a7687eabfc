"""From densities to triangles: marching cubes, the largest piece, and fewer triangles of the same shape."""

import dataclasses

import fast_simplification
import numpy as np
import torch
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from adapter.eg3d import Generator, Parts, Planes
from adapter.eg3d.camera import cameras_around_front
from adapter.errors import UserError
from adapter.meshes.density import DensityGrid, density_grid
from adapter.meshes.mesh import Mesh, MeshSettings
from adapter.meshes.surface_level import surface_level
from adapter.meshes.trimming import seen_half, throat_height

LEVEL_YAWS = (0.0, -0.6, 0.6)
"""Views whose silhouettes the surface must match, radians from the front."""
_AGGRESSIVENESS, _NEARLY = (2, 5, 8), 1.02
"""From careful to bold, until about the wanted number of triangles is left."""
LEARNED = 1.2
"""Beyond this multiple of what the usual camera sees, a base has learned nothing."""


def extract_mesh(
    generator: Generator, planes: Planes, parts: Parts | None = None, settings: MeshSettings | None = None
) -> Mesh:
    """The surface of one person, without colors.

    Args:
        generator: the base.
        planes: of one latent, the target's own where it has a backbone.
        parts: of the target; the base's own decoder where None.
        settings: of the mesh.

    Raises:
        UserError: there is no surface at the level.
    """
    settings = settings or MeshSettings()
    decoder = parts.decoder if parts else generator.decoder
    grid = density_grid(planes, decoder, generator.config.rendering.box_warp, settings.resolution)
    level = find_level(generator, planes, grid, parts) if settings.level is None else settings.level
    floor = throat_height(grid, level, generator.config) if settings.trim else None
    return surface(grid, level, LEARNED * seen_half(generator.config), floor)


@torch.no_grad()
def find_level(generator: Generator, planes: Planes, grid: DensityGrid, parts: Parts | None = None) -> float:
    """The surface's level of one person, see `surface_level`; arguments as of `extract_mesh`."""
    cameras = cameras_around_front(generator.config, LEVEL_YAWS).to(grid.values.device)
    opacity = generator.render(planes.repeat(len(cameras)), cameras, parts=parts).opacity
    return surface_level(grid, cameras, opacity, generator.config.rendering)


def surface(grid: DensityGrid, level: float, half: float, floor: float | None = None) -> Mesh:
    """The largest closed surface at a level.

    Args:
        grid: densities of one person.
        level: raw density at the surface.
        half: half the side of the cube that is kept, in world units.
        floor: height of the plane that cuts it, in world units; none where None.

    Raises:
        UserError: there is no surface.
    """
    places = grid.axis.cpu().numpy().astype(np.float64)
    step = places[1] - places[0]
    lowest = np.full(3, -half)
    if floor is not None:
        lowest[1] = max(floor, -half)
    first = np.searchsorted(places, lowest - step / 2)
    last = int(np.searchsorted(places, half + step / 2))
    kept = grid.values[first[0] : last, first[1] : last, first[2] : last].cpu().numpy() - level
    # What ends at a border of samples closes exactly there, and flat.
    for border in (kept[0], kept[-1], kept[:, 0], kept[:, -1], kept[:, :, 0], kept[:, :, -1]):
        np.minimum(border, 0, out=border)
    if not kept.max() > 0:
        raise UserError("This person has no surface at that level. Choose a lower one.")
    vertices, faces, _, _ = marching_cubes(kept, 0.0, gradient_direction="ascent")
    return with_normals(largest_piece(vertices * step + places[first], faces))


def largest_piece(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The connected piece with the largest box, of vertices [V, 3] and faces [F, 3]."""
    count = len(vertices)
    pairs = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_matrix((np.ones(len(pairs), bool), pairs.T), shape=(count, count))
    number, labels = connected_components(graph, directed=False)
    if number == 1:
        return vertices, faces
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(number))
    boxes = np.maximum.reduceat(vertices[order], starts) - np.minimum.reduceat(vertices[order], starts)
    kept = labels == int(boxes.prod(axis=1).argmax())
    place = np.cumsum(kept) - 1
    return vertices[kept], place[faces[kept[faces[:, 0]]]]


def with_normals(shape: tuple[np.ndarray, np.ndarray]) -> Mesh:
    """A mesh of vertices [V, 3] and faces [F, 3], with normals weighted by the faces' angles."""
    plain = trimesh.Trimesh(*shape, process=False)
    normals = np.asarray(plain.vertex_normals, np.float32)
    return Mesh(np.asarray(shape[0], np.float32), np.asarray(shape[1], np.int32), normals)


def simplify(mesh: Mesh, faces: int) -> Mesh:
    """The same shape in about that many triangles (quadric error metrics, Garland and Heckbert 1997); no colors.

    Its normals are those of the nearest vertices of the finer mesh, so that it shades as smoothly.
    """
    if len(mesh.faces) <= faces:
        return dataclasses.replace(mesh, colors=None, uv=None, texture=None)
    for aggressiveness in _AGGRESSIVENESS:
        vertices, kept = fast_simplification.simplify(mesh.vertices, mesh.faces, target_count=faces, agg=aggressiveness)
        if len(kept) <= faces * _NEARLY:
            break
    nearest = cKDTree(mesh.vertices).query(vertices)[1]
    return Mesh(vertices.astype(np.float32), kept.astype(np.int32), mesh.normals[nearest])
