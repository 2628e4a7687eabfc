"""How well extracted meshes match the true meshes of the synthetic heads."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from adapter.eg3d import Generator, look_at
from adapter.eg3d.pair import PairRenderer
from adapter.meshes.mesh import MeshSettings
from adapter.meshes.person import make_meshes
from adapter.scene import Identities

YAWS = (0.0, 0.3, -0.6, 0.9)
SIDE = 256
Shape = tuple[np.ndarray, np.ndarray]
"""Vertices [V, 3] and triangles [F, 3]."""


def true_mesh(latent: Tensor, floor: float | None = None) -> Shape:
    """The true mesh of a latent z [32] of the synthetic heads, cut at a height where one is given."""
    from adapter.synthetic.heads import mesh as heads
    from adapter.synthetic.heads.attributes import attributes

    head = heads.build(attributes(latent.cpu().numpy()))
    if floor is None:
        return head.vertices, head.triangles
    vertices = head.vertices.copy()
    above = (vertices[head.triangles][:, :, 1] > floor).any(axis=1)
    vertices[:, 1] = vertices[:, 1].clip(min=floor)
    return vertices, head.triangles[above]


def silhouette_overlap(a: Shape, b: Shape) -> float:
    """Mean IoU of the silhouettes of two shapes over `YAWS`."""
    overlaps = []
    for yaw in YAWS:
        camera = look_at(yaw)[0].numpy()
        overlaps.append(overlap(*(silhouette(*shape, camera) for shape in (a, b))))
    return float(np.mean(overlaps))


@torch.no_grad()
def mesh_overlaps(generator: Generator, latents: Tensor, settings: MeshSettings | None = None) -> Iterator[float]:
    """For latents z [N, 32] of the base `heads`, the IoU of each mesh's silhouettes with the true ones.

    Both are cut at the height at which the mesh is cut.
    """
    for latent in latents.float():
        people = Identities.of(generator, latent[None], 1.0)
        pairing = PairRenderer(generator, generator.parts(), None, people.ws)
        mesh = make_meshes(pairing, settings, target=False).source.textured
        truth = true_mesh(latent, float(mesh.vertices[:, 1].min()))
        yield silhouette_overlap((mesh.vertices, mesh.faces), truth)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """IoU of two masks."""
    return float((a & b).sum() / max(1, (a | b).sum()))


def silhouette(vertices: np.ndarray, faces: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Mask [SIDE, SIDE] of a shape from a camera label [25]."""
    from adapter.synthetic.heads.rasterize import rasterize

    pose, k = np.linalg.inv(camera[:16].reshape(4, 4).astype(np.float64)), camera[16:].reshape(3, 3)
    local = vertices @ pose[:3, :3].T + pose[:3, 3]
    places = (local[:, :2] / local[:, 2:] * k.diagonal()[:2] + k[:2, 2]) * SIDE
    screen = np.concatenate([places, 1 / local[:, 2:]], axis=1).astype(np.float32)
    near, second, third = (np.empty((SIDE, SIDE), np.float32) for _ in range(3))
    triangle = np.empty((SIDE, SIDE), np.int32)
    rasterize(screen, np.ascontiguousarray(faces, np.int32), near, triangle, second, third)
    return triangle >= 0
