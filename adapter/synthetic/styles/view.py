"""One view of a rendered head, as the style filters see it."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from adapter.synthetic.heads.paint import SEGMENTS
from adapter.synthetic.heads.render import HeadRender

REFERENCE_SIZE = 128  # lengths in the filters are pixels of an image of this side
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class View:
    """G-buffers of one view, H x W pixels.

    Attributes:
        color, albedo: [H,W,3] display colour in 0..1, as if the head filled its edge pixels; white outside.
        mask: [H,W] coverage in 0..1.
        depth: [H,W] Euclidean distance from the camera; 0 outside.
        normals: [H,W,3] world space unit vectors; 0 outside.
        segmentation: [H,W] index into `heads.paint.SEGMENTS`.
        camera: [25] label.
    """

    color: np.ndarray
    albedo: np.ndarray
    mask: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    segmentation: np.ndarray
    camera: np.ndarray

    @classmethod
    def of(cls, render: HeadRender, cameras: np.ndarray, index: int = 0) -> "View":
        """Take view `index` of a render made from cameras [V,25]."""
        mask = render.mask[index]
        return cls(
            color=_without_white(render.color[index], mask),
            albedo=_without_white(render.albedo[index], mask),
            mask=mask,
            depth=render.depth[index],
            normals=render.normals[index],
            segmentation=render.segmentation[index],
            camera=np.asarray(cameras[index], np.float32),
        )

    @property
    def size(self) -> int:
        """Side of the image."""
        return self.mask.shape[0]

    @cached_property
    def inside(self) -> np.ndarray:
        """[H,W] bool: the head covers at least half of the pixel."""
        return self.mask > 0.5

    @cached_property
    def facing(self) -> np.ndarray:
        """[H,W,3] normals in view space: right, up, towards the camera."""
        return self.normals @ (self.camera[:16].reshape(4, 4)[:3, :3] * np.array([1, -1, -1], np.float32))

    @cached_property
    def position(self) -> np.ndarray:
        """[H,W,3] world position of the surface; on a plane through the origin outside."""
        pose, focal = self.camera[:16].reshape(4, 4), self.camera[16]
        center = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size - 0.5
        x, y = np.meshgrid(center / focal, center / focal)
        rays = np.stack([x, y, np.ones_like(x)], -1)
        rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        distance = np.where(self.depth > 0, self.depth, np.linalg.norm(pose[:3, 3]))
        return (pose[:3, 3] + distance[..., None] * (rays @ pose[:3, :3].T)).astype(np.float32)

    @cached_property
    def light(self) -> np.ndarray:
        """[H,W] how brightly the surface is lit, about 0..1.3: colour over albedo."""
        ratio = (self.color @ LUMINANCE) / np.maximum(self.albedo @ LUMINANCE, 0.05)
        return np.where(self.inside, np.clip(ratio, 0, 1.3), 1).astype(np.float32)

    @cached_property
    def tone(self) -> np.ndarray:
        """[H,W] luminance of the colour."""
        return self.color @ LUMINANCE

    @cached_property
    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Screen coordinates (x, y), each [H,W], in pixels of the reference size."""
        ticks = (np.arange(self.size, dtype=np.float32) + 0.5) * (REFERENCE_SIZE / self.size)
        x, y = np.meshgrid(ticks, ticks)
        return x, y

    def scaled(self, length: float) -> float:
        """A length in pixels of the reference size, in pixels of this view."""
        return length * self.size / REFERENCE_SIZE

    def region(self, *names: str, blur: float = 0.5) -> np.ndarray:
        """[H,W] soft mask 0..1 of named segments."""
        chosen = np.zeros(len(SEGMENTS), np.float32)
        chosen[[SEGMENTS.index(name) for name in names]] = 1
        return cv2.GaussianBlur(chosen[self.segmentation], (0, 0), max(self.scaled(blur), 0.3))


def _without_white(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Undo the blend with white at the edge."""
    share = np.maximum(mask, 0.25)[..., None]
    return np.where(mask[..., None] > 0, np.clip((image - (1 - mask[..., None])) / share, 0, 1), 1).astype(np.float32)
