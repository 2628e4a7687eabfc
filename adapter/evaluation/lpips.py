"""Perceptual distances: the classifier's in LPIPS' form, or LPIPS itself where its weights are at hand.

LPIPS (Zhang et al. 2018) compares unit-normalised maps of a network's stages, with channel weights fitted to people's
choices. The classifier's distance has the same form with equal weights. LPIPS' own networks are downloads of tens to
hundreds of megabytes that are never fetched here: LPIPS replaces the classifier's distance only if torchvision's files
for it are in torch's cache already.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.utils.torchvision_compat import ensure_torchvision

Maps = tuple[Tensor, ...]
LPIPS_FILES = {"vgg": "vgg16-397923af.pth", "alex": "alexnet-owt-7be5be79.pth", "squeeze": "squeezenet1_1-b8a52dc0.pth"}
"""Torchvision's files of LPIPS' networks, the preferred one first."""
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


def local_lpips(folder: str | Path | None = None) -> LpipsModel | None:
    """LPIPS, if torchvision's weights of one of its networks are in a folder; torch's cache where None.

    The maps are weighted, so that `distance` gives the mean over LPIPS' stages (LPIPS itself sums them).
    """
    folder = Path(folder) if folder is not None else Path(torch.hub.get_dir()) / "checkpoints"
    for name, file in LPIPS_FILES.items():
        if (folder / file).is_file():
            return _lpips(name, folder / file)
    return None


def _lpips(name: str, path: Path) -> LpipsModel:
    ensure_torchvision()
    import lpips

    model = lpips.LPIPS(net=name, pnet_rand=True, verbose=False).eval().requires_grad_(False)
    _fill(model.net, torch.load(path, map_location="cpu", weights_only=True))

    @torch.no_grad()
    def maps(images: Tensor) -> Maps:
        stages = model.net(model.scaling_layer(images))
        weights = [layer.model[-1].weight.clamp_min(0).sqrt() for layer in model.lins]
        return tuple(unit * weight for unit, weight in zip(unit_maps(stages), weights, strict=True))

    return LpipsModel(f"LPIPS ({name})", maps)


def _fill(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Give LPIPS' network, which keeps torchvision's numbering inside its slices, torchvision's weights."""
    own = network.state_dict()
    found = {key: weights[f"features.{key.split('.', 1)[1]}"] for key in own}
    network.load_state_dict(found)
