"""Plane features along rays as a value: what is computed once and marched by any decoder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass
class Samples:
    """Plane features at the points where the source was sampled.

    Attributes:
        depths: sorted distances [N, K, S] along the K traced rays; K is the same in every view.
        features: averaged plane features [N, K, S, C].
        resolution: side R of the image.
        places: index among the K rays of each of the image's R * R rays, K for a ray that was not traced [N, R * R];
            None if all rays were traced, in order.
    """

    depths: Tensor
    features: Tensor
    resolution: int
    places: Tensor | None = None

    def __getitem__(self, index: slice | Sequence[int] | Tensor) -> "Samples":
        """The samples of some of the N views."""
        places = None if self.places is None else self.places[index]
        return Samples(self.depths[index], self.features[index], self.resolution, places)

    def float(self) -> "Samples":
        """The same with features in fp32."""
        return replace(self, features=self.features.float())

    def half(self) -> "Samples":
        """The same with features in fp16."""
        return replace(self, features=self.features.half())


def join_samples(parts: Sequence[Samples]) -> Samples:
    """Concatenate the views of several, which are of one resolution."""
    if any(part.places is not None for part in parts):
        rays = max(part.depths.shape[1] for part in parts)
        parts = [_padded(part, rays) for part in parts]
    places = [part.places for part in parts if part.places is not None]
    return Samples(
        torch.cat([part.depths for part in parts]),
        torch.cat([part.features for part in parts]),
        parts[0].resolution,
        torch.cat(places) if places else None,
    )


def _padded(part: Samples, rays: int) -> Samples:
    """The same with room for ``rays`` traced rays; no pixel refers to the added ones."""
    views, traced = part.depths.shape[:2]
    places = part.places
    if places is None:
        places = torch.arange(traced, device=part.depths.device).expand(views, -1)
    depths = F.pad(part.depths, (0, 0, 0, rays - traced))
    features = F.pad(part.features, (0, 0, 0, 0, 0, rays - traced))
    return Samples(depths, features, part.resolution, torch.where(places == traced, rays, places))
