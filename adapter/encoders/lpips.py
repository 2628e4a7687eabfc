"""LPIPS by AlexNet (Zhang et al. 2018) with its published weights, embedded and differentiable."""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.utils.paths import CHECKPOINTS
from adapter.utils.storage import read_tensors

TRUNK = CHECKPOINTS / "lpips" / "alex.safetensors"
SHAPES = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
"""Outputs, inputs and kernel of the convolutions by their places in torchvision's ``features``."""
STRIDES = {0: 4}
POOLED_BEFORE = (3, 6)
"""Convolutions that read a maximum over 3 x 3 places, every second one."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""LPIPS' own, for images in [-1, 1]."""
_SMALLEST = 1e-10


class Lpips(nn.Module):
    """Perceptual distance of images; about 0 for equal ones, 0.7 for unrelated ones."""

    shift: Tensor
    scale: Tensor

    def __init__(self, trunk: dict[str, Tensor], heads: dict[str, Tensor]) -> None:
        """Take AlexNet's convolutions under torchvision's names, and LPIPS' linear heads under its own."""
        super().__init__()
        self.weights = nn.ParameterList([trunk[f"features.{place}.weight"].float() for place in SHAPES])
        self.biases = nn.ParameterList([trunk[f"features.{place}.bias"].float() for place in SHAPES])
        # A head's weights are not negative, so their roots scale the maps whose squared difference is weighed.
        roots = (heads[f"lin{k}.model.1.weight"].clamp_min(0).sqrt() for k in range(len(SHAPES)))
        self.roots = nn.ParameterList([root.view(1, -1, 1, 1) for root in roots])
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps [N, C, H, W] of the five stages, scaled so that their squared differences add up to the distance.

        Args:
            images: [N, 3, S, S] in [-1, 1], S at least 32; 64 to 256 is what LPIPS was fitted to.
        """
        x, maps = (images - self.shift) / self.scale, []
        for place, weight, bias, root in zip(SHAPES, self.weights, self.biases, self.roots, strict=True):
            x = F.max_pool2d(x, 3, 2) if place in POOLED_BEFORE else x
            x = F.relu(F.conv2d(x, weight, bias, STRIDES.get(place, 1), 2 if weight.shape[-1] > 3 else 1))
            reciprocal = ((x * x).sum(dim=1, keepdim=True) + _SMALLEST).rsqrt()
            maps.append(x * reciprocal * (root / x[0, 0].numel() ** 0.5))
        return tuple(maps)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """LPIPS [N] of images [N, 3, S, S] in [-1, 1]; differentiable with respect to both."""
        return self.between(self.maps(a), self.maps(b))

    @staticmethod
    def between(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
        """LPIPS [N] of images from their `maps`; one side may hold a single image."""
        return torch.stack([(x - y).square().sum(dim=(1, 2, 3)) for x, y in zip(a, b, strict=True)]).sum(dim=0)


def load_lpips(trunk: Path = TRUNK) -> Lpips:
    """LPIPS with the embedded trunk and the heads that the package ``lpips`` carries.

    Raises:
        UserError: the trunk's file is missing or does not fit.
    """
    shapes: dict[str, tuple[int, ...]] = {
        f"features.{place}.weight": (out, into, k, k) for place, (out, into, k) in SHAPES.items()
    }
    shapes |= {f"features.{place}.bias": (out,) for place, (out, _, _) in SHAPES.items()}
    tensors = read_tensors(trunk, shapes)
    # The package itself would import torchvision's models, which takes a second.
    spec = find_spec("lpips")
    assert spec is not None
    assert spec.origin is not None
    heads = torch.load(Path(spec.origin).parent / "weights/v0.1/alex.pth", map_location="cpu", weights_only=True)
    return Lpips(tensors, heads)
