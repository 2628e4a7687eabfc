"""VGG16 up to relu3_3 (Simonyan and Zisserman 2015) as an image encoder: maps that style transfer compares.

Its layers are named as usual: "relu1_1" ... "relu3_3".
"""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.encoders.encoder import Encoded, ImageEncoder
from adapter.encoders.towers import Layer
from adapter.utils.paths import CHECKPOINTS
from adapter.utils.storage import read_tensors

TRUNK = CHECKPOINTS / "vgg" / "model.safetensors"
LAYERS = {
    "relu1_1": (0, 3, 64),
    "relu1_2": (2, 64, 64),
    "relu2_1": (5, 64, 128),
    "relu2_2": (7, 128, 128),
    "relu3_1": (10, 128, 256),
    "relu3_2": (12, 256, 256),
    "relu3_3": (14, 256, 256),
}
"""Place in torchvision's ``features``, inputs and outputs of the convolution before each layer."""
POOLED_BEFORE = ("relu2_1", "relu3_1")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VggTower(nn.Module):
    """The convolutions; see `adapter.encoders.towers.Tower`. There is no joint embedding."""

    def __init__(self, trunk: dict[str, Tensor], image_size: int, cpu_dtype: torch.dtype = torch.float32) -> None:
        """Take the tensors under torchvision's names.

        Args:
            trunk: by name.
            image_size: side in pixels.
            cpu_dtype: in which a CPU convolves; tokens are fp32.
        """
        super().__init__()
        self.cpu_dtype = cpu_dtype
        self.layers: tuple[Layer, ...] = tuple(LAYERS)
        self.image_size, self.image_mean, self.image_std = image_size, MEAN, STD
        self.weights = nn.ParameterList([trunk[f"features.{place}.weight"].float() for place, _, _ in LAYERS.values()])
        self.biases = nn.ParameterList([trunk[f"features.{place}.bias"].float() for place, _, _ in LAYERS.values()])

    def grid(self, layer: Layer) -> int:
        """Side of the square of tokens that a layer gives."""
        return self.image_size // 2 ** (int(str(layer)[4]) - 1)

    def forward(
        self, images: Tensor, layers: Sequence[Layer], embedding: bool
    ) -> tuple[Tensor | None, dict[Layer, Tensor]]:
        """Tokens [N, T, C] of normalized images [N, 3, S, S]; stops after the deepest layer asked for.

        Raises:
            ValueError: the embedding is asked for.
        """
        if embedding:
            raise ValueError("VGG has no joint embedding.")
        depth = max(self.layers.index(layer) for layer in layers)
        dtype = self.cpu_dtype if images.device.type == "cpu" else images.dtype
        x = images.to(dtype).contiguous(memory_format=torch.channels_last)
        tokens: dict[Layer, Tensor] = {}
        for name, weight, bias in list(zip(LAYERS, self.weights, self.biases, strict=True))[: depth + 1]:
            x = F.max_pool2d(x, 2) if name in POOLED_BEFORE else x
            x = F.relu(F.conv2d(x, weight.to(dtype), bias.to(dtype), padding=1))
            if name in layers:
                tokens[name] = x.flatten(2).transpose(1, 2).float()
        return None, tokens


def load_vgg(image_size: int = 128, trunk: Path = TRUNK, cpu_dtype: torch.dtype = torch.float32) -> ImageEncoder:
    """The embedded VGG16.

    Args:
        image_size: side in pixels to which images are resized first, a multiple of 4.
        trunk: file with the weights.
        cpu_dtype: in which a CPU convolves. In bf16 tokens differ by 0.6 % of their norm.

    Raises:
        UserError: the file is missing or does not fit.
    """
    shapes: dict[str, tuple[int, ...]] = {
        f"features.{place}.weight": (out, into, 3, 3) for place, into, out in LAYERS.values()
    }
    shapes |= {f"features.{place}.bias": (out,) for place, _, out in LAYERS.values()}
    return ImageEncoder(SimpleNamespace(visual=VggTower(read_tensors(trunk, shapes), image_size, cpu_dtype)))


class WithVgg(nn.Module):
    """A CLIP's image encoder that gives VGG's tokens, too; the interface is `ImageEncoder`'s."""

    def __init__(self, clip: ImageEncoder, vgg: ImageEncoder) -> None:
        super().__init__()
        self.clip, self.vgg = clip, vgg
        self.image_size = clip.image_size

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Layers of both."""
        return (*self.clip.layers, *self.vgg.layers)

    def grid(self, layer: Layer) -> int:
        """Side of the square of tokens that a layer gives."""
        return self._of(layer).grid(layer)

    def encode(self, images: Tensor, layers: Sequence[Layer] = (), embedding: bool = True) -> Encoded:
        """Encode images as `ImageEncoder.encode` does; an encoder none of whose layers is asked for does not run."""
        own = [layer for layer in layers if layer in self.vgg.layers]
        rest = [layer for layer in layers if layer not in self.vgg.layers]
        if not own:
            return self.clip.encode(images, rest, embedding)
        found = self.vgg.encode(images, own, embedding=False)
        if not rest and not embedding:
            return found
        beside = self.clip.encode(images, rest, embedding)
        return Encoded(beside.embedding, beside.tokens | found.tokens)

    def _of(self, layer: Layer) -> ImageEncoder:
        return self.vgg if layer in self.vgg.layers else self.clip


def with_vgg(encoder: ImageEncoder, layers: Sequence[Layer], cpu_dtype: torch.dtype = torch.float32) -> ImageEncoder:
    """The encoder, which also gives VGG's tokens if any of the layers is VGG's; ``cpu_dtype`` as in `load_vgg`.

    Raises:
        UserError: VGG's file is missing or does not fit.
    """
    if not set(LAYERS).intersection(layers) or set(LAYERS).issubset(encoder.layers):
        return encoder
    return WithVgg(encoder, load_vgg(cpu_dtype=cpu_dtype))  # type: ignore[return-value]  # the same interface
