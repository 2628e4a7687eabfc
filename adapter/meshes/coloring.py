"""From a bare surface and views of it to a mesh with a texture and one with vertex colors."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from adapter.meshes.atlas import build_atlas
from adapter.meshes.baking import View, project
from adapter.meshes.extract import simplify
from adapter.meshes.mesh import Mesh
from adapter.meshes.unseen import fill, visibility


def vertex_colored(mesh: Mesh, views: Sequence[View]) -> Mesh:
    """The mesh with vertex colors from views; unseen vertices continue the colors around them."""
    return dataclasses.replace(mesh, colors=_bytes(_vertex_colors(mesh, views)))


def textured(mesh: Mesh, views: Sequence[View], faces: int, side: int) -> Mesh:
    """The mesh in about that many triangles with a texture of that side from views.

    Raises:
        UserError: the texture is too small for so many triangles.
    """
    mesh = simplify(mesh, faces)
    atlas = build_atlas(mesh, side)
    colors, weights = project(atlas.spread(mesh.vertices), atlas.spread(mesh.normals), views)
    seen = visibility(weights)[:, None]
    texels = seen * colors + (1 - seen) * atlas.spread(_vertex_colors(mesh, views))
    return dataclasses.replace(atlas.mesh, texture=atlas.texture(_bytes(texels)))


def _vertex_colors(mesh: Mesh, views: Sequence[View]) -> np.ndarray:
    colors, weights = project(mesh.vertices, mesh.normals, views)
    return fill(mesh, colors, visibility(weights)).astype(np.float32)


def _bytes(colors: np.ndarray) -> np.ndarray:
    return (np.clip(colors, 0, 1) * 255 + 0.5).astype(np.uint8)
