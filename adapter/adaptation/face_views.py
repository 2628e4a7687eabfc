"""The faces of sources and references, read by the face mesh, for mesh guides."""

import numpy as np
import torch
from torch import Tensor

from adapter.losses.base import Sources
from adapter.losses.face_view import FaceView, FaceViews, resized
from adapter.media.face_mesh import Face, find_faces
from adapter.media.face_parts import FACE, FEATURES, MOUTH, facing, mirrored_points, part_mask, person_mask

SIDE = 64
"""Of the grid on which parts are told apart."""
LEAST_RESOLUTION = 256
"""Pixels of a base's side from which on eyes and lips are worth a guide of their own."""
NOSE, TURNED = 1, 0.6
"""The nose's tip in the mesh, and the cosine to the camera below which a face is turned far to the side."""
SAMPLE = 4
"""Sources that are read to tell whether a base shows people."""

NO_FACE = (
    "The style image shows no face that can be read, so its colors and textures are taken as a whole. "
    "A style image with a face also gives its lips, eyes and skin."
)
PROFILE = (
    "The face in the style image is turned far to the side, so its hidden half is taken from the other one. "
    "A style image from nearer to the front gives more."
)
SOME_FACES = "Not every style image shows a face; lips, eyes and skin are taken from those that do."


@torch.no_grad()
def read_faces(sources: Sources, references: Tensor) -> tuple[FaceViews | None, str]:
    """Read the faces of a run.

    Args:
        sources: of the run.
        references: images [K, 3, H, W] in [-1, 1].

    Returns:
        The faces, None if no reference shows one; and a sentence for the user, which may be empty.
    """
    goals = tuple(view for image in references if (view := _reference_view(image)) is not None)
    if not goals:
        return None, NO_FACE
    own = tuple(_source_view(image, opacity[0]) for image, opacity in zip(sources.images, sources.opacity, strict=True))
    message = "" if len(goals) == len(references) else SOME_FACES
    if all(float(view.facing[NOSE]) < TURNED for view in goals):
        message = f"{message} {PROFILE}".strip()
    return FaceViews(own, goals, torch.from_numpy(mirrored_points()).to(sources.images.device)), message


def shows_people(sources: Sources) -> bool:
    """Whether a base shows people whose faces can be read: most of the first sources do."""
    if sources.images.shape[-1] < LEAST_RESOLUTION:
        return False
    few = sources.images[:SAMPLE]
    return 2 * sum(bool(find_faces(_pixels(image))) for image in few) > len(few)


def _source_view(image: Tensor, opacity: Tensor) -> FaceView | None:
    faces = find_faces(_pixels(image))
    return _view(image, faces[0], resized(opacity, SIDE)) if faces else None


def _reference_view(image: Tensor) -> FaceView | None:
    pixels = _pixels(image)
    faces = find_faces(pixels)
    if not faces:
        return None
    person = torch.from_numpy(person_mask(pixels, faces[0])).to(image)
    return _view(image, faces[0], resized(person, SIDE))


def _view(image: Tensor, face: Face, person: Tensor) -> FaceView:
    size = image.shape[-1]
    points = torch.from_numpy(face.points[:, :2]).to(image) / size * 2 - 1
    whole, features, mouth = (
        torch.from_numpy(part_mask(face, part, size, SIDE)).to(image) for part in (FACE, FEATURES, MOUTH)
    )
    return FaceView(image, points, torch.from_numpy(facing(face)).to(image), whole, features, mouth, person)


def _pixels(image: Tensor) -> np.ndarray:
    return ((image.clamp(-1, 1) + 1) * 127.5).byte().permute(1, 2, 0).contiguous().cpu().numpy()
