"""One person as two meshes, source and target: all steps from latents to colored triangles."""

from collections.abc import Generator as Steps
from dataclasses import dataclass

import torch

from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.pair import PairRenderer
from adapter.meshes.baking import View, project
from adapter.meshes.coloring import textured, vertex_colored
from adapter.meshes.density import DensityGrid
from adapter.meshes.extract import LEARNED, find_level, surface
from adapter.meshes.mesh import Mesh, MeshSettings
from adapter.meshes.trimming import seen_half, throat_height
from adapter.meshes.unseen import fair, visibility

VIEWS = ((0.0, 0.0), (-0.5, 0.0), (0.5, 0.0), (-0.95, 0.0), (0.95, 0.0), (0.0, 0.35), (0.0, -0.35))
"""Angles (yaw, pitch) in radians from the front of the views that are projected."""
FLAT = 1e-4
"""Height above the cut, in world units, that belongs to it."""
SHAPE, VIEWING, COLORS = "Reading the shape", "Rendering views", "Projecting colors"
_SHAPE_SHARE, _VIEWS_SHARE, _COLORS_SHARE = 0.3, 0.3, 0.4


@dataclass(frozen=True)
class PersonMesh:
    """A person in one world.

    Attributes:
        textured: simplified, with a texture.
        dense: as extracted, with vertex colors.
    """

    textured: Mesh
    dense: Mesh


@dataclass(frozen=True)
class PersonMeshes:
    """The same person as source and as target, where one was asked for."""

    source: PersonMesh
    target: PersonMesh | None


@dataclass(frozen=True)
class MeshProgress:
    """What is being done, in words, and the share of the whole that is done, 0 to 1."""

    stage: str
    fraction: float


def make_meshes(pairing: PairRenderer, settings: MeshSettings | None = None, target: bool = True) -> PersonMeshes:
    """The meshes of the first person of a pair; see `mesh_steps`."""
    steps = mesh_steps(pairing, settings, target)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@torch.no_grad()
def mesh_steps(
    pairing: PairRenderer, settings: MeshSettings | None = None, target: bool = True
) -> Steps[MeshProgress, None, PersonMeshes]:
    """Make the meshes of the first person of a pair; closing the iterator stops.

    Both are cut at the source's throat, so that they stand beside each other alike.

    Args:
        pairing: of source and target.
        settings: of the meshes.
        target: whether the target is wanted.

    Yields:
        Progress.

    Returns:
        The meshes.

    Raises:
        UserError: no surface, or a texture that is too small.
    """
    settings, worlds = settings or MeshSettings(), 2 if target else 1
    shapes, floor = yield from _shapes(pairing, settings, worlds)
    views = yield from _views(pairing, worlds)
    made: list[PersonMesh] = []
    for shape, seen in zip(shapes, views, strict=True):
        whole = _fair(shape, seen, floor)
        made.append(PersonMesh(textured(whole, seen, settings.faces, settings.texture), vertex_colored(whole, seen)))
        yield MeshProgress(COLORS, _SHAPE_SHARE + _VIEWS_SHARE + _COLORS_SHARE * len(made) / worlds)
    return PersonMeshes(made[0], made[1] if target else None)


def _shapes(
    pairing: PairRenderer, settings: MeshSettings, worlds: int
) -> Steps[MeshProgress, None, tuple[list[Mesh], float | None]]:
    """The surfaces of the worlds, and the height at which they are cut."""
    generator, parts, own = pairing.generator, pairing.parts, pairing.target_planes
    known = [(pairing.planes, None), (pairing.planes if own is None else own, parts)][:worlds]
    shapes: list[Mesh] = []
    floor = None
    for planes, target in known:
        decoder = target.decoder if target else generator.decoder
        grid = DensityGrid(planes[:1], decoder, generator.config.rendering.box_warp, settings.resolution)
        for share in grid.fill():
            yield MeshProgress(SHAPE, _SHAPE_SHARE * (len(shapes) + share) / worlds)
        level = find_level(generator, planes[:1], grid, target) if settings.level is None else settings.level
        if settings.trim and not shapes:
            floor = throat_height(grid, level, generator.config)
        shapes.append(surface(grid, level, LEARNED * seen_half(generator.config), floor))
    return shapes, floor


def _views(pairing: PairRenderer, worlds: int) -> Steps[MeshProgress, None, list[list[View]]]:
    """What the worlds look like from `VIEWS`."""
    views: list[list[View]] = [[] for _ in range(worlds)]
    for yaw, pitch in VIEWS:
        camera = cameras_around_front(pairing.generator.config, yaw, pitch)
        outputs = pairing.render(camera.expand(len(pairing.ws), -1))
        for seen, output in zip(views, outputs, strict=False):
            seen.append(View.of(output, camera[0]))
        yield MeshProgress(VIEWING, _SHAPE_SHARE + _VIEWS_SHARE * len(views[0]) / len(VIEWS))
    return views


def _fair(shape: Mesh, views: list[View], floor: float | None) -> Mesh:
    seen = visibility(project(shape.vertices, shape.normals, views)[1])
    if floor is not None:
        # The cut stays flat.
        seen[shape.vertices[:, 1] < floor + FLAT] = 1
    return fair(shape, seen)
