"""A portrait as the style filters see it: normals from depth and shading, light from brightness."""

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from adapter.errors import UserError
from adapter.media.face_mesh import find_faces
from adapter.synthetic.faces.portrait import Portrait
from adapter.synthetic.faces.segments import segment
from adapter.synthetic.heads.paint import SEGMENTS
from adapter.synthetic.styles.filters import blur, gradient
from adapter.synthetic.styles.view import View

RELIEF = 1.6
"""How strongly fine brightness counts as shape: a darker wrinkle is a deeper one."""
LIT = 80
"""Percentile of a part's brightness that counts as full light."""
GROUPS = (
    ("skin", "ear", "lips", "brow", "beard"),
    ("hair",),
    ("shirt",),
    ("eye", "iris", "lash", "teeth", "mouth"),
)
"""Parts that are lit alike."""


def view_of(portrait: Portrait) -> View:
    """Turn a portrait into a view for `adapter.synthetic.styles`.

    Raises:
        UserError: if no face is found in it.
    """
    faces = find_faces(np.round(portrait.color * 255).astype(np.uint8))
    if not faces:
        raise UserError("No face was found in this portrait, so no style can be drawn on it.")
    segmentation = segment(portrait.color, portrait.mask, faces[0])
    plain = View(
        color=portrait.color,
        albedo=portrait.color,
        mask=portrait.mask,
        depth=np.where(portrait.mask > 0.5, portrait.depth, 0).astype(np.float32),
        normals=np.zeros_like(portrait.color),
        segmentation=segmentation,
        camera=portrait.camera,
    )
    light = find_light(plain)
    albedo = np.clip(portrait.color / np.maximum(light, 0.2)[..., None], 0, 1).astype(np.float32)
    return dataclasses.replace(plain, albedo=albedo, normals=find_normals(plain))


def find_light(view: View) -> NDArray[np.float32]:
    """How brightly each pixel is lit [S, S], 1 at the bright end of its own part."""
    brightness = blur(view.tone, view, 0.5)
    light = np.ones_like(brightness)
    for names in GROUPS:
        own = np.isin(view.segmentation, [SEGMENTS.index(name) for name in names]) & view.inside
        if own.any():
            light[own] = brightness[own] / max(float(np.percentile(brightness[own], LIT)), 0.05)
    return np.clip(blur(light, view, 0.4), 0, 1.3)


def find_normals(view: View) -> NDArray[np.float32]:
    """World-space unit normals [S, S, 3] of the surface, with fine brightness as relief; 0 outside."""
    position = np.dstack([_spread(view.position[..., k], view) for k in range(3)])
    across, down = (
        np.dstack(parts) for parts in zip(*(gradient(position[..., k], view) for k in range(3)), strict=True)
    )
    normals = np.cross(down, across)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    detail = RELIEF * (view.tone - blur(view.tone, view, 2.0))
    right, below = gradient(blur(detail, view, 0.4), view)
    axes = view.camera[:16].reshape(4, 4)[:3, :3]
    normals = normals - right[..., None] * axes[:, 0] - below[..., None] * axes[:, 1]
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    return np.where(view.inside[..., None], normals, 0).astype(np.float32)


def _spread(values: NDArray, view: View) -> NDArray[np.float32]:
    """Smooth a map inside the person, without what lies outside."""
    inside = view.inside.astype(np.float32)
    sigma = view.scaled(1.6)
    total = cv2.GaussianBlur(values.astype(np.float32) * inside, (0, 0), sigma)
    return (total / np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-3)).astype(np.float32)
