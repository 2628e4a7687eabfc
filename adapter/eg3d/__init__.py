"""The 3D GAN: a from-scratch EG3D (Chan et al. 2022) that loads official weights."""

from adapter.eg3d.camera import SwingPath, camera_label, cameras_around_front, frontal_label, look_at
from adapter.eg3d.config import PRESETS, SUPERRESOLUTIONS, Eg3dConfig, RenderingConfig, SuperresolutionConfig
from adapter.eg3d.generator import Generator, Output, Parts
from adapter.eg3d.placement import place
from adapter.eg3d.planes import Planes
from adapter.eg3d.pretrained import Eg3d
from adapter.eg3d.rendering import Rendered
from adapter.eg3d.samples import Samples

__all__ = [
    "PRESETS",
    "SUPERRESOLUTIONS",
    "Eg3d",
    "Eg3dConfig",
    "Generator",
    "Output",
    "Parts",
    "Planes",
    "Rendered",
    "RenderingConfig",
    "Samples",
    "SuperresolutionConfig",
    "SwingPath",
    "camera_label",
    "cameras_around_front",
    "frontal_label",
    "look_at",
    "place",
]
