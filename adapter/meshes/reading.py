"""Mesh files read with distrust: what a file says about itself is checked before anything is made from it."""

import io
import json
import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from adapter.errors import UserError
from adapter.meshes.mesh import LARGEST_TEXTURE, Mesh

MAX_BYTES = 128 << 20
MAX_HEADER_BYTES = 1 << 20
MAX_COUNT = 6_000_000
"""Vertices, or corners of triangles."""
MAX_NODES = 16
LARGEST_COORDINATE = 1e4
_GLB, _JSON, _BINARY = b"glTF", b"JSON", b"BIN\0"
_ALLOWED = {"KHR_materials_unlit"}
_PLY_ELEMENT = re.compile(r"element (vertex|face) (\d{1,9})")


def load_mesh(path: str | os.PathLike) -> Mesh:
    """Read a GLB or PLY file with one mesh, of anybody; nothing that it refers to elsewhere is opened.

    Raises:
        UserError: not there, another kind of file, too large, damaged, or with more than one plain mesh.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror}. Check the name and try again.") from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{path.name} is larger than {MAX_BYTES >> 20} MB. Simplify the mesh first.")
    if content[:4] == _GLB:
        kind, check = "glb", _check_glb
    elif content[:4] in (b"ply\n", b"ply\r"):
        kind, check = "ply", _check_ply
    else:
        raise UserError(f"{path.name} is no mesh that this program reads. Choose a GLB or PLY file.")
    try:
        check(content)
        return _checked(_only_geometry(trimesh.load(io.BytesIO(content), file_type=kind, process=False)))
    except _RefusedError as error:
        raise UserError(f"{path.name} cannot be used: {error}. Export one plain mesh of triangles.") from error
    except Exception as error:  # trimesh meets damage with errors of every kind
        raise UserError(f"{path.name} is damaged or incomplete. Get a fresh copy.") from error


class _RefusedError(Exception):
    """Says what is wrong with a file."""


def _check_glb(content: bytes) -> None:
    _, version, length = struct.unpack_from("<4sII", content)
    size, kind = struct.unpack_from("<I4s", content, 12)
    if version != 2 or length != len(content) or kind != _JSON or size > MAX_HEADER_BYTES:
        raise ValueError("unusual header")
    tree = json.loads(content[20 : 20 + size])
    binary = content[20 + size :]
    if binary and binary[4:8] != _BINARY:
        raise ValueError("unusual chunk")
    _check_contents(tree, len(binary) - 8)
    for image in tree.get("images", ()):
        view = tree["bufferViews"][image["bufferView"]]
        first = 8 + view.get("byteOffset", 0)
        _check_image(binary[first : first + view["byteLength"]])


def _check_contents(tree: dict[str, Any], available: int) -> None:
    """Refuse what refers to other files, needs extensions, or would unfold to more than the file holds."""
    if set(tree.get("extensionsUsed", ())) - _ALLOWED or set(tree.get("extensionsRequired", ())) - _ALLOWED:
        raise _RefusedError("it needs extensions")
    if any("uri" in part for key in ("buffers", "images") for part in tree.get(key, ())):
        raise _RefusedError("it refers to other files")
    if len(tree.get("buffers", ())) != 1 or len(tree["meshes"]) != 1 or len(tree["meshes"][0]["primitives"]) != 1:
        raise _RefusedError("it holds more than one mesh")
    nodes = tree["nodes"]
    children = [child for node in nodes for child in node.get("children", ())]
    roots = [root for scene in tree["scenes"] for root in scene["nodes"]]
    if len(nodes) > MAX_NODES or len(set(children + roots)) != len(children + roots):
        raise _RefusedError("its parts are nested in an unusual way")
    for view in tree["bufferViews"]:
        if view.get("byteOffset", 0) < 0 or not 0 <= view.get("byteOffset", 0) + view["byteLength"] <= available:
            raise ValueError("truncated")
    for accessor in tree["accessors"]:
        if not 0 < accessor["count"] <= MAX_COUNT or "sparse" in accessor or "bufferView" not in accessor:
            raise _RefusedError("its numbers are stored in an unusual way, or there are too many")


def _check_image(content: bytes) -> None:
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
        if max(image.size) > 2 * LARGEST_TEXTURE:
            raise _RefusedError("its texture is too large")


def _check_ply(content: bytes) -> None:
    header, found, _ = content[:MAX_HEADER_BYTES].partition(b"end_header")
    if not found:
        raise ValueError("no end of the header")
    text = header.decode("ascii")
    counts = {kind: int(number) for kind, number in _PLY_ELEMENT.findall(text)}
    if set(counts) != {"vertex", "face"} or text.count("element ") != 2 or "TextureFile" in text:
        raise _RefusedError("it holds more than vertices and triangles")
    # A vertex is at least six characters or twelve bytes long, and so is a triangle.
    if max(counts.values()) > MAX_COUNT or sum(counts.values()) * 6 > len(content):
        raise ValueError("truncated")


def _only_geometry(loaded: Any) -> trimesh.Trimesh:
    if not isinstance(loaded, trimesh.Scene):
        return loaded
    (name,) = loaded.graph.nodes_geometry
    transform, geometry = loaded.graph.get(name)
    mesh = loaded.geometry[geometry]
    return mesh if np.allclose(transform, np.eye(4)) else mesh.copy().apply_transform(transform)


def _checked(loaded: trimesh.Trimesh) -> Mesh:
    """The mesh, if all of its numbers are usable."""
    vertices, faces = np.asarray(loaded.vertices), np.asarray(loaded.faces)
    if not len(faces) or not np.isfinite(vertices).all() or np.abs(vertices).max() > LARGEST_COORDINATE:
        raise ValueError("coordinates")
    if faces.shape[1] != 3 or faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError("triangles")
    normals = np.nan_to_num(np.asarray(loaded.vertex_normals))
    colors = uv = texture = None
    visual: Any = loaded.visual
    picture = getattr(getattr(visual, "material", None), "baseColorTexture", None)
    if picture is not None and getattr(visual, "uv", None) is not None:
        uv, texture = np.nan_to_num(np.asarray(visual.uv, np.float32)), np.asarray(picture.convert("RGB"))
    elif visual.kind == "vertex":
        colors = np.asarray(visual.vertex_colors, np.uint8)[:, :3]
    return Mesh(vertices.astype(np.float32), faces.astype(np.int32), normals.astype(np.float32), colors, uv, texture)
