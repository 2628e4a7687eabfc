"""Triangle meshes as values, and how finely they are made."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapter.errors import UserError

SMALLEST_RESOLUTION, LARGEST_RESOLUTION = 32, 512
LARGEST_TEXTURE = 4096


@dataclass(frozen=True)
class Mesh:
    """Triangles in world space: y up, the face looks along +z.

    Attributes:
        vertices: [V, 3].
        faces: [F, 3], counter-clockwise if seen from outside.
        normals: of the vertices, outwards, unit length [V, 3].
        colors: of the vertices, sRGB uint8 [V, 3]; None where there are none.
        uv: places of the vertices in the texture [V, 2], (0, 0) at its lower left; None without a texture.
        texture: sRGB uint8 [T, T, 3]; None where there is none.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    normals: NDArray[np.float32]
    colors: NDArray[np.uint8] | None = None
    uv: NDArray[np.float32] | None = None
    texture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class MeshSettings:
    """How a mesh is made.

    Args:
        resolution: density samples along each side of the volume.
        level: raw density at the surface; chosen so that silhouettes match the renders where None.
        trim: cut off what lies below the throat.
        faces: of the textured mesh; it is simplified to this many, and left as it is where it has fewer.
        texture: side of the texture in pixels.

    Raises:
        UserError: a value out of its range.
    """

    resolution: int = 128
    level: float | None = None
    trim: bool = True
    faces: int = 10_000
    texture: int = 1024

    def __post_init__(self) -> None:
        if not SMALLEST_RESOLUTION <= self.resolution <= LARGEST_RESOLUTION:
            raise UserError(f"Choose a resolution from {SMALLEST_RESOLUTION} to {LARGEST_RESOLUTION}.")
        if not 100 <= self.faces <= 1_000_000:
            raise UserError("Choose a number of triangles from 100 to 1000000.")
        if not 64 <= self.texture <= LARGEST_TEXTURE:
            raise UserError(f"Choose a texture's side from 64 to {LARGEST_TEXTURE} pixels.")
