"""Pictures with a face as the mesh guides compare them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class FaceView:
    """A picture of a person whose face mesh is known.

    Args:
        image: [3, H, W] in [-1, 1].
        points: of the mesh [P, 2], in [-1, 1] across and down the picture.
        facing: cosine between the surface at each point and the direction to the camera [P].
        face, features, mouth: which share of each cell of a grid shows the face, its eyes, brows and lips, and what is
            between the lips [S, S].
        person: the same for the whole person.
    """

    image: Tensor
    points: Tensor
    facing: Tensor
    face: Tensor
    features: Tensor
    mouth: Tensor
    person: Tensor

    @property
    def width(self) -> float:
        """Of the mesh, in the units of the points."""
        return float((self.points.amax(dim=0) - self.points.amin(dim=0))[0])

    def regions(self, side: int) -> Tensor:
        """Shares of a grid's cells [4, T] that show background, hair and clothes, skin, and eyes, brows and lips."""
        person, face, features = (resized(one, side).clamp(0, 1) for one in (self.person, self.face, self.features))
        face = torch.minimum(face, person)
        features = torch.minimum(features, face)
        return torch.stack([1 - person, person - face, face - features, features]).flatten(1)

    def mirrored(self, order: Tensor) -> "FaceView":
        """The mirror image; ``order`` [P] names the point opposite of each."""
        points = self.points[order] * self.points.new_tensor([-1, 1])
        flipped = (getattr(self, name).flip(-1) for name in ("face", "features", "mouth", "person"))
        return FaceView(self.image.flip(-1), points, self.facing[order], *flipped)


@dataclass(frozen=True)
class FaceViews:
    """The faces of a run.

    Args:
        sources: one for each source; None where no face was found.
        references: of the references in which a face was found.
        mirror: for each point of the mesh the one that lies opposite of it [P].
    """

    sources: tuple[FaceView | None, ...]
    references: tuple[FaceView, ...]
    mirror: Tensor


def resized(image: Tensor, side: int) -> Tensor:
    """An image or a mask [..., H, W] on a grid [..., side, side]: means of cells, or between its pixels."""
    flat = image[None] if image.dim() == 3 else image[None, None]
    if image.shape[-1] >= side:
        return F.adaptive_avg_pool2d(flat, side).view(*image.shape[:-2], side, side)
    scaled = F.interpolate(flat, size=(side, side), mode="bilinear", align_corners=False)
    return scaled.view(*image.shape[:-2], side, side)
