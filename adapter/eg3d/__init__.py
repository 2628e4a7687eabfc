"""The 3D GAN: planes, rendering and super-resolution, compatible with EG3D."""

from adapter.eg3d.camera import camera_label, look_at, lookat_equal_area, orbit
from adapter.eg3d.config import PRESETS, SUPERRESOLUTIONS, Eg3dConfig, RenderingConfig, SuperresolutionConfig
from adapter.eg3d.generator import Generator, Output, Parts
from adapter.eg3d.planes import Planes
from adapter.eg3d.pretrained import Eg3d
from adapter.eg3d.rendering import Rendered, Samples

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
    "camera_label",
    "look_at",
    "lookat_equal_area",
    "orbit",
]
