"""Jobs that make meshes of a person, or walk from person to person. Plain values that can be pickled."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, ClassVar

from pydantic import Field

from adapter.hub.bases import EMBEDDED
from adapter.hub.library import LIBRARY
from adapter.methods.checked import Checked, checked
from adapter.methods.offers import TRUNCATION_PSI
from adapter.service.person_requests import Amount
from adapter.service.requests import Seed, Truncation, Weight

RESOLUTION, FACES, TEXTURE = 128, 10_000, 1024
MESH_SECONDS = 15.0
"""Both meshes of a person of the embedded base on two CPU cores, roughly."""
FRAMES = 24
"""Frames of a walk from each person to the next."""


@checked
class MeshRequest(Checked):
    """A person as source and as target: GLB files with a texture, and PLY files with vertex colors.

    Args:
        folder: where the files go.
        mix: (path of a domain file, weight) of each; the source alone where none.
        person: path of a person's file; one drawn by the seed where empty.
        edits: of the person of a file, amounts by name; see `adapter.latents.directions`.
        seed: of a drawn person.
        truncation: psi of a drawn person.
        resolution: density samples along each side of the volume.
        faces: triangles of the textured meshes.
        texture: side of the textures in pixels.
        trim: cut off what lies below the throat.
        base, library: as in `AdaptRequest`.
    """

    noun: ClassVar[str] = "this mesh"

    folder: str
    mix: Annotated[tuple[tuple[str, Weight], ...], Field(max_length=4)] = ()
    person: str = ""
    edits: Mapping[str, Amount] = field(default_factory=dict)
    seed: Seed = 0
    truncation: Truncation = TRUNCATION_PSI
    resolution: Annotated[int, Field(ge=32, le=512)] = RESOLUTION
    faces: Annotated[int, Field(ge=100, le=1_000_000)] = FACES
    texture: Annotated[int, Field(ge=64, le=4096)] = TEXTURE
    trim: bool = True
    base: str = EMBEDDED
    library: str = str(LIBRARY)


@checked
class WalkRequest(Checked):
    """A video from person to person and back to the first, as source and as target, while the camera sways.

    Args:
        folder: where the file goes.
        mix: (path of a domain file, weight) of each; the base twice where none.
        person: path of the file of the person with whom the walk begins and ends; one drawn by the seed where empty.
        edits: of the person of a file, amounts by name; see `adapter.latents.directions`.
        count: people that the walk passes, the first one among them.
        seed: of the people that are drawn.
        truncation: psi of the people that are drawn.
        frames: from each person to the next, on average.
        yaw, pitch: around which the camera sways, radians from the front.
        zoom: factor of the focal length.
        base, library: as in `AdaptRequest`.
    """

    noun: ClassVar[str] = "this walk"

    folder: str
    mix: Annotated[tuple[tuple[str, Weight], ...], Field(max_length=4)] = ()
    person: str = ""
    edits: Mapping[str, Amount] = field(default_factory=dict)
    count: Annotated[int, Field(ge=2, le=12)] = 4
    seed: Seed = 0
    truncation: Truncation = TRUNCATION_PSI
    frames: Annotated[int, Field(ge=2, le=120)] = FRAMES
    yaw: Annotated[float, Field(ge=-1, le=1)] = 0.0
    pitch: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0
    zoom: Annotated[float, Field(ge=0.6, le=2)] = 1.0
    base: str = EMBEDDED
    library: str = str(LIBRARY)
