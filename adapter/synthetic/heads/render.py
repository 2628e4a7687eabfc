"""Renders heads: colour, albedo, mask, depth, normals and segmentation for any cameras."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from numba import njit

from adapter.errors import UserError
from adapter.synthetic.heads import mesh as meshes
from adapter.synthetic.heads.appearance import Paint, paint
from adapter.synthetic.heads.attributes import attributes
from adapter.synthetic.heads.pack import BODY
from adapter.synthetic.heads.paint import S_BACKGROUND, SEGMENTS, albedo_at
from adapter.synthetic.heads.rasterize import rasterize
from adapter.synthetic.heads.shading import display, light_reaching, shade

RADIUS, FOCAL = 2.7, 4.2647  # as EG3D's FFHQ setup; focal length in image widths
BOX = 0.9  # side of the cube around the origin that holds every head
NEAR, FAR = 2.35, 3.2  # Euclidean distances from any orbit camera between which every head lies
_SEGMENT_COUNT = len(SEGMENTS)


@dataclass(frozen=True)
class HeadRender:
    """Views of one head; V views of H x W pixels.

    Attributes:
        color: [V,H,W,3] float32 display colour in 0..1 on white.
        albedo: [V,H,W,3] float32 display colour without light; white outside.
        mask: [V,H,W] float32 coverage in 0..1.
        depth: [V,H,W] float32 Euclidean distance from the camera along the ray; 0 outside.
        normals: [V,H,W,3] float32 world space; 0 outside.
        segmentation: [V,H,W] uint8 index into SEGMENTS.
    """

    color: np.ndarray
    albedo: np.ndarray
    mask: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    segmentation: np.ndarray


def orbit_camera(yaw: float, pitch: float, radius: float = RADIUS, focal: float = FOCAL) -> np.ndarray:
    """Camera label [25] on a sphere, looking at the origin (angles in radians, OpenCV axes)."""
    position = radius * np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    forward = -position / radius
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = position
    intrinsics = np.array([[focal, 0, 0.5], [0, focal, 0.5], [0, 0, 1]])
    return np.concatenate([pose.ravel(), intrinsics.ravel()]).astype(np.float32)


@njit(fastmath=True, nogil=True)
def _render_view(
    vertices,
    normals,
    canonical,
    regions,
    triangles,
    materials,
    openness,
    key_share,
    colors,
    camera,
    size,
    samples,
    color,
    albedo,
    mask,
    depth,
    world_normals,
    segmentation,
):
    count = vertices.shape[0]
    wide = size * samples
    fx, fy, cx, cy = camera[16] * wide, camera[20] * wide, camera[18] * wide, camera[21] * wide
    screen = np.empty((count, 3), np.float32)
    for i in range(count):
        dx, dy, dz = vertices[i, 0] - camera[3], vertices[i, 1] - camera[7], vertices[i, 2] - camera[11]
        z = camera[2] * dx + camera[6] * dy + camera[10] * dz
        screen[i, 0] = cx + fx * (camera[0] * dx + camera[4] * dy + camera[8] * dz) / z
        screen[i, 1] = cy + fy * (camera[1] * dx + camera[5] * dy + camera[9] * dz) / z
        screen[i, 2] = 1 / z
    inverse_depth = np.empty((wide, wide), np.float32)
    triangle_id = np.empty((wide, wide), np.int32)
    second = np.empty((wide, wide), np.float32)
    third = np.empty((wide, wide), np.float32)
    rasterize(screen, triangles, inverse_depth, triangle_id, second, third)
    votes = np.zeros(_SEGMENT_COUNT, np.int32)
    share = 1.0 / (samples * samples)
    for row in range(size):
        for column in range(size):
            votes[:] = 0
            hits, nearest = 0, 1e9
            r, g, b, ar, ag, ab, sx, sy, sz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for y in range(row * samples, (row + 1) * samples):
                for x in range(column * samples, (column + 1) * samples):
                    t = triangle_id[y, x]
                    if t < 0:
                        votes[S_BACKGROUND] += 1
                        continue
                    i0, i1, i2 = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                    w1, w2 = second[y, x], third[y, x]
                    w0 = 1 - w1 - w2
                    px = w0 * canonical[i0, 0] + w1 * canonical[i1, 0] + w2 * canonical[i2, 0]
                    py = w0 * canonical[i0, 1] + w1 * canonical[i1, 1] + w2 * canonical[i2, 1]
                    pz = w0 * canonical[i0, 2] + w1 * canonical[i1, 2] + w2 * canonical[i2, 2]
                    lips = w0 * regions[i0, 0] + w1 * regions[i1, 0] + w2 * regions[i2, 0]
                    mouth = w0 * regions[i0, 1] + w1 * regions[i1, 1] + w2 * regions[i2, 1]
                    ear = w0 * regions[i0, 2] + w1 * regions[i1, 2] + w2 * regions[i2, 2]
                    scalp = w0 * regions[i0, 3] + w1 * regions[i1, 3] + w2 * regions[i2, 3]
                    nx = w0 * normals[i0, 0] + w1 * normals[i1, 0] + w2 * normals[i2, 0]
                    ny = w0 * normals[i0, 1] + w1 * normals[i1, 1] + w2 * normals[i2, 1]
                    nz = w0 * normals[i0, 2] + w1 * normals[i1, 2] + w2 * normals[i2, 2]
                    length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
                    nx, ny, nz = nx / length, ny / length, nz / length
                    material = materials[t]
                    u, w = (x + 0.5 - cx) / fx, (y + 0.5 - cy) / fy
                    # Thin shells are lit on the side that is seen.
                    if material != BODY:
                        toward = (
                            nx * (camera[0] * u + camera[1] * w + camera[2])
                            + ny * (camera[4] * u + camera[5] * w + camera[6])
                            + nz * (camera[8] * u + camera[9] * w + camera[10])
                        )
                        if toward > 0.15:
                            nx, ny, nz = -nx, -ny, -nz
                    base, segment = albedo_at(material, px, py, pz, lips, mouth, ear, scalp, colors)
                    light = shade(
                        material,
                        base,
                        (nx, ny, nz),
                        w0 * openness[i0] + w1 * openness[i1] + w2 * openness[i2],
                        w0 * key_share[i0] + w1 * key_share[i1] + w2 * key_share[i2],
                        pz,
                    )
                    votes[segment] += 1
                    hits += 1
                    r, g, b = r + display(light[0]), g + display(light[1]), b + display(light[2])
                    ar, ag, ab = ar + display(base[0]), ag + display(base[1]), ab + display(base[2])
                    sx, sy, sz = sx + nx, sy + ny, sz + nz
                    nearest = min(nearest, np.sqrt(1 + u * u + w * w) / inverse_depth[y, x])
            cover = hits * share
            color[row, column, 0] = min(1.0, r * share + 1 - cover)
            color[row, column, 1] = min(1.0, g * share + 1 - cover)
            color[row, column, 2] = min(1.0, b * share + 1 - cover)
            albedo[row, column, 0] = min(1.0, ar * share + 1 - cover)
            albedo[row, column, 1] = min(1.0, ag * share + 1 - cover)
            albedo[row, column, 2] = min(1.0, ab * share + 1 - cover)
            mask[row, column] = cover
            if hits > 0:
                length = np.sqrt(sx * sx + sy * sy + sz * sz) + 1e-9
                world_normals[row, column, 0] = sx / length
                world_normals[row, column, 1] = sy / length
                world_normals[row, column, 2] = sz / length
                depth[row, column] = nearest
            segmentation[row, column] = np.argmax(votes)


def render_mesh(
    mesh: meshes.Mesh,
    colors: Paint,
    cameras: np.ndarray,
    size: int,
    supersampling: int = 2,
    threads: int | None = None,
) -> HeadRender:
    """Renders a mesh; arguments as for `render`."""
    cameras = np.ascontiguousarray(cameras, np.float32)
    if cameras.ndim != 2 or cameras.shape[1] != 25:
        raise UserError(f"Cameras must have the shape [views, 25], but this one is {cameras.shape}.")
    shape = (len(cameras), size, size)
    result = HeadRender(
        color=np.zeros((*shape, 3), np.float32),
        albedo=np.zeros((*shape, 3), np.float32),
        mask=np.zeros(shape, np.float32),
        depth=np.zeros(shape, np.float32),
        normals=np.zeros((*shape, 3), np.float32),
        segmentation=np.zeros(shape, np.uint8),
    )
    views = [(camera, *(getattr(result, f.name)[i] for f in fields(result))) for i, camera in enumerate(cameras)]
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        openness, key_share = light_reaching(mesh.vertices, mesh.normals, mesh.triangles, pool.map)

        def draw(view):
            _render_view(
                mesh.vertices,
                mesh.normals,
                mesh.canonical,
                mesh.regions,
                mesh.triangles,
                mesh.materials,
                openness,
                key_share,
                colors,
                view[0],
                size,
                supersampling,
                *view[1:],
            )

        list(pool.map(draw, views))
    return result


def render(
    z: np.ndarray, cameras: np.ndarray, size: int = 128, supersampling: int = 2, threads: int | None = None
) -> HeadRender:
    """Renders the head of a latent from every camera.

    Args:
        z: [32] latent.
        cameras: [V,25] labels, cam2world (OpenCV axes) and normalised intrinsics.
        size: side of the square images in pixels.
        supersampling: samples per pixel along each axis.
        threads: how many to use; all cores by default.
    """
    person = attributes(z)
    return render_mesh(meshes.build(person), paint(person), cameras, size, supersampling, threads)
