"""How well extracted meshes of photographic people fit what their renders show; nobody knows their true shapes.

Two witnesses: the face mesh network, which reads the depth of 468 landmarks of a render, and the renders' own opacity.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.pair import PairRenderer
from adapter.evaluation.mesh_shapes import SIDE, overlap, silhouette
from adapter.latents.measures import READ_SIDE
from adapter.latents.people import draw_people
from adapter.media.face_mesh import LEFT_CHEEK, RIGHT_CHEEK, find_faces
from adapter.media.head_pose import fit_similarity
from adapter.media.images import to_uint8
from adapter.meshes.mesh import Mesh, MeshSettings
from adapter.meshes.person import make_meshes

YAWS = (0.0, 0.35, -0.35)
_OPAQUE = 0.5


@dataclass(frozen=True)
class FaceShape:
    """Of one person.

    Attributes:
        depth: mean difference in depth between mesh and landmarks in face widths; NaN without a face.
        silhouettes: mean IoU of the mesh's silhouettes with the renders' opacity.
        seconds: that the mesh took, with its texture.
    """

    depth: float
    silhouettes: float
    seconds: float


@torch.no_grad()
def face_shapes(
    generator: Generator, count: int, settings: MeshSettings | None = None, seed: int = 4242
) -> Iterator[FaceShape]:
    """Make and measure the meshes of random people of a base; they are not cut, as their renders are not."""
    settings = settings or MeshSettings(trim=False)
    for ws in draw_people(generator, count, seed):
        pairing = PairRenderer(generator, generator.parts(), None, ws)
        started = time.perf_counter()
        mesh = make_meshes(pairing, settings, target=False).source.textured
        seconds = time.perf_counter() - started
        overlaps: list[float] = []
        picture: NDArray[np.uint8] | None = None
        for yaw in YAWS:
            camera = cameras_around_front(generator.config, torch.tensor([yaw]))
            output = pairing.render(camera)[0]
            seen = cv2.resize(output.opacity[0, 0].cpu().numpy(), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
            overlaps.append(overlap(silhouette(mesh.vertices, mesh.faces, camera[0].numpy()), seen > _OPAQUE))
            picture = to_uint8(output.image)[0] if picture is None else picture
        front = cameras_around_front(generator.config, torch.zeros(1))[0].numpy()
        yield FaceShape(landmark_depth_error(mesh, picture, front), float(np.mean(overlaps)), seconds)


def landmark_depth_error(mesh: Mesh, picture: NDArray[np.uint8] | None, camera: NDArray) -> float:
    """Mean difference in depth between a mesh and the landmarks of its render, in face widths.

    The landmarks know neither the distance nor the size, and hardly the tilt, so they are laid onto the mesh by a
    similarity first.

    Args:
        mesh: in world space.
        picture: uint8 [S, S, 3].
        camera: label [25] that the picture was rendered from.
    """
    if picture is None:
        return float("nan")
    faces = find_faces(cv2.resize(picture, (READ_SIDE, READ_SIDE), interpolation=cv2.INTER_CUBIC).astype(np.uint8))
    if not faces:
        return float("nan")
    landmarks = faces[0].points.astype(np.float64)
    pose, k = np.linalg.inv(camera[:16].reshape(4, 4).astype(np.float64)), camera[16:].reshape(3, 3)
    local = mesh.vertices @ pose[:3, :3].T + pose[:3, 3]
    places = local[:, :2] / local[:, 2:] * k.diagonal()[:2] + k[:2, 2]
    found = surface_depths(places, local[:, 2], mesh.faces, landmarks[:, :2] / READ_SIDE)
    hit = np.isfinite(found)
    if hit.sum() < len(hit) / 2:
        return float("nan")
    rays = (landmarks[:, :2] / READ_SIDE - k[:2, 2]) / k.diagonal()[:2]
    points = np.column_stack([rays * found[:, None], found])[hit]
    laid = fit_similarity(landmarks[hit], points).apply(landmarks)
    width = np.linalg.norm(laid[RIGHT_CHEEK] - laid[LEFT_CHEEK])
    return float(np.abs(laid[hit, 2] - points[:, 2]).mean() / width)


def surface_depths(places: NDArray, depths: NDArray, triangles: NDArray, wanted: NDArray) -> NDArray[np.float64]:
    """Depth of the nearest triangle at places of a picture [M]; infinite where there is none.

    Args:
        places: of the vertices in the picture [V, 2].
        depths: of the vertices [V].
        triangles: [F, 3].
        wanted: places [M, 2].
    """
    a, b, c = (places[triangles[:, corner]] for corner in range(3))
    inverse = 1 / depths[triangles]
    area = _cross(b - a, c - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = []
        for place in wanted:
            shares = np.stack([_cross(b - place, c - place), _cross(c - place, a - place)], axis=1) / area[:, None]
            shares = np.column_stack([shares, 1 - shares.sum(axis=1)])
            inside = (shares >= 0).all(axis=1)
            nearest = (shares[inside] * inverse[inside]).sum(axis=1).max(initial=0.0)
            found.append(1 / nearest if nearest > 0 else np.inf)
    return np.array(found)


def _cross(a: NDArray, b: NDArray) -> NDArray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
