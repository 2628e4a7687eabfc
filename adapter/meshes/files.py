"""Mesh files: GLB with a texture and PLY with vertex colors by trimesh, y up, colors sRGB as both formats have them."""

import os
from pathlib import Path
from typing import Any

import trimesh
from PIL import Image
from trimesh.exchange.gltf import export_glb
from trimesh.exchange.ply import export_ply
from trimesh.visual import ColorVisuals, TextureVisuals
from trimesh.visual.material import PBRMaterial

from adapter.meshes.mesh import Mesh
from adapter.meshes.person import PersonMeshes
from adapter.utils.atomic import replacing

_LINEAR, _CLAMP = 9729, 33071
"""OpenGL's numbers for filtering without smaller copies, and for a texture that ends at its border."""


def save_glb(path: str | os.PathLike, mesh: Mesh) -> None:
    """Write a mesh with a texture as binary glTF 2.0, completely or not at all.

    The material is unlit, because the pictures that became its colors hold their light already; programs that do not
    know that extension see a rough surface of the same color.

    Raises:
        ValueError: a mesh without a texture.
    """
    if mesh.texture is None or mesh.uv is None:
        raise ValueError("A GLB file needs a texture.")
    material = PBRMaterial(
        name="person",
        baseColorTexture=Image.fromarray(mesh.texture),
        baseColorFactor=[255, 255, 255, 255],
        metallicFactor=0.0,
        roughnessFactor=1.0,
    )
    visual = TextureVisuals(uv=mesh.uv, material=material)
    scene = trimesh.Scene()
    scene.add_geometry(_plain(mesh, visual), geom_name="person")
    _write(path, export_glb(scene, include_normals=True, tree_postprocessor=_finish))


def save_ply(path: str | os.PathLike, mesh: Mesh) -> None:
    """Write a mesh with vertex colors as binary PLY, completely or not at all.

    Raises:
        ValueError: a mesh without vertex colors.
    """
    if mesh.colors is None:
        raise ValueError("A PLY file needs vertex colors.")
    visual = ColorVisuals(vertex_colors=mesh.colors)
    _write(path, export_ply(_plain(mesh, visual), vertex_normal=True))


def save_person(folder: str | os.PathLike, meshes: PersonMeshes) -> list[Path]:
    """Write a person into a folder: source.glb, target.glb, source.ply, target.ply; without those of a missing target.

    Returns:
        The files, in this order.
    """
    worlds = {"source": meshes.source, "target": meshes.target}
    there = {name: world for name, world in worlds.items() if world is not None}
    for name, world in there.items():
        save_glb(Path(folder) / f"{name}.glb", world.textured)
        save_ply(Path(folder) / f"{name}.ply", world.dense)
    return [Path(folder) / f"{name}.{suffix}" for suffix in ("glb", "ply") for name in there]


def _plain(mesh: Mesh, visual: Any) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_normals=mesh.normals, visual=visual, process=False)


def _finish(tree: dict[str, Any]) -> None:
    """Add to a file's description what trimesh does not write: the light, and how the texture is read."""
    for material in tree["materials"]:
        material["extensions"] = {"KHR_materials_unlit": {}}
    tree["extensionsUsed"] = sorted({*tree.get("extensionsUsed", ()), "KHR_materials_unlit"})
    tree["samplers"] = [{"magFilter": _LINEAR, "minFilter": _LINEAR, "wrapS": _CLAMP, "wrapT": _CLAMP}]
    for texture in tree["textures"]:
        texture["sampler"] = 0


def _write(path: str | os.PathLike, content: bytes) -> None:
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(content)
