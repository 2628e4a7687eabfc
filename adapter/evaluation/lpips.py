"""Perceptual distances of sets of images: LPIPS, or the classifier's in the same form.

LPIPS (Zhang et al. 2018) compares unit-normalised maps of a network's stages, with channel weights fitted to people's
choices. The classifier's distance has the same form with equal weights.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.encoders.lpips import Lpips, load_lpips

Maps = tuple[Tensor, ...]
BATCH = 16


def unit_maps(maps: Sequence[Tensor]) -> Maps:
    """Maps [N, C, H, W] with unit vectors at every place, scaled so that a dot product is a mean over places."""
    return tuple(F.normalize(stage, dim=1) / stage[0, 0].numel() ** 0.5 for stage in maps)


def distance(a: Maps, b: Maps) -> Tensor:
    """Distances [N] of images from their `unit_maps`: squared differences, mean over places, then over stages."""
    stages = [(x - y).square().flatten(1).sum(dim=1) for x, y in zip(a, b, strict=True)]
    return torch.stack(stages).mean(dim=0)


def mean_pairwise(maps: Maps) -> float:
    """Mean distance over all pairs of N images: Intra-LPIPS with one reference (Ojha et al. 2021).

    Raises:
        ValueError: fewer than two images.
    """
    count = len(maps[0])
    if count < 2:
        raise ValueError("Diversity needs at least two images.")
    total = 0.0
    for stage in maps:
        flat = stage.flatten(1).double()
        # Over all ordered pairs, the squared differences add up to 2 N sum |x|^2 - 2 |sum x|^2.
        total += float(2 * count * flat.square().sum() - 2 * flat.sum(dim=0).square().sum())
    return total / len(maps) / (count * (count - 1))


class LpipsModel:
    """Computes the maps that `distance` and `mean_pairwise` take.

    Args:
        name: to state beside the numbers.
        maps: from images [N, 3, S, S] in [-1, 1] to `unit_maps`.
    """

    def __init__(self, name: str, maps: Callable[[Tensor], Maps]) -> None:
        self.name = name
        self._maps = maps

    def __call__(self, images: Tensor) -> Maps:
        """Maps of images [N, 3, S, S] in [-1, 1]."""
        parts = [self._maps(batch.clamp(-1, 1)) for batch in images.split(BATCH)]
        return tuple(torch.cat(stage) for stage in zip(*parts, strict=True))


def lpips_model(model: Lpips | None = None) -> LpipsModel:
    """LPIPS by AlexNet, the embedded one where None; `distance` of its maps is LPIPS."""
    network = load_lpips() if model is None else model

    @torch.no_grad()
    def maps(images: Tensor) -> Maps:
        stages = network.to(images.device).maps(images)
        # LPIPS sums the stages, `distance` averages them.
        return tuple(stage * len(stages) ** 0.5 for stage in stages)

    return LpipsModel("LPIPS (alex)", maps)
