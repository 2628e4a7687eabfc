"""Image towers behind one interface: EfficientNet-Lite (timm) and vision transformer."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from adapter.encoders.efficientnet_lite import FrozenEfficientNetLite
from adapter.errors import UserError

Layer = str | int


@runtime_checkable
class Tower(Protocol):
    """What `ImageEncoder` calls."""

    layers: tuple[Layer, ...]
    """Whose tokens it gives, shallow to deep."""

    def grid(self, layer: Layer) -> int:
        """Side of the square of tokens that a layer gives."""

    def __call__(
        self, images: Tensor, layers: Sequence[Layer], embedding: bool
    ) -> tuple[Tensor | None, dict[Layer, Tensor]]:
        """Run on normalised images [N, 3, S, S]: features [N, D] before scaling to unit length, tokens [N, T, C]."""


class EfficientNetTower(nn.Module):
    """open_clip's timm tower with an EfficientNet-Lite trunk; its layers are "stem", "stage0" ..., "pooled"."""

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.trunk = FrozenEfficientNetLite(visual.trunk)
        self.projection = visual.head
        self._image_size: int = visual.image_size[0]
        names = ("stem", *(f"stage{k}" for k in range(len(self.trunk.stages))), "pooled")
        self.layers: tuple[Layer, ...] = names

    def grid(self, layer: Layer) -> int:
        """Side of the square of tokens that a layer gives."""
        if layer == "pooled":
            return 1
        return -(-self._image_size // self.trunk.strides[self.layers.index(layer)])

    def forward(
        self, images: Tensor, layers: Sequence[Layer], embedding: bool
    ) -> tuple[Tensor | None, dict[Layer, Tensor]]:
        """See `Tower`. Stops after the deepest layer asked for."""
        indices = [self.layers.index(layer) for layer in layers]
        depth = len(self.layers) - 1 if embedding else max(indices)
        outputs = self.trunk(images, depth)
        tokens = {
            layer: outputs[index].flatten(2).transpose(1, 2) if outputs[index].ndim == 4 else outputs[index][:, None]
            for layer, index in zip(layers, indices, strict=True)
        }
        return self.projection(outputs[-1]) if embedding else None, tokens


class TransformerTower(nn.Module):
    """open_clip's vision transformer; its layers are the indices of its blocks."""

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.visual = visual
        self.layers: tuple[Layer, ...] = tuple(range(len(visual.transformer.resblocks)))

    def grid(self, layer: Layer) -> int:
        """Side of the square of tokens that a layer gives."""
        return self.visual.grid_size[0]

    def forward(
        self, images: Tensor, layers: Sequence[Layer], embedding: bool
    ) -> tuple[Tensor | None, dict[Layer, Tensor]]:
        """See `Tower`. Stops after the deepest layer asked for."""
        if not layers:
            return self.visual(images), {}
        wanted = sorted(set(layers))
        result = self.visual.forward_intermediates(
            images,
            indices=wanted,
            stop_early=not embedding,
            intermediates_only=not embedding,
            output_fmt="NLC",
        )
        tokens = dict(zip(wanted, result["image_intermediates"], strict=True))
        return result.get("image_features"), {layer: tokens[layer] for layer in layers}


def make_tower(visual: Any) -> Tower:
    """Wrap the image tower of an open_clip model; what is a `Tower` already stays as it is.

    Raises:
        UserError: a kind of tower that is not supported.
    """
    if isinstance(visual, Tower):
        return visual
    if hasattr(visual, "transformer") and hasattr(visual, "forward_intermediates"):
        return TransformerTower(visual)
    if hasattr(visual, "trunk") and hasattr(visual.trunk, "conv_stem"):
        try:
            return EfficientNetTower(visual)
        except ValueError as error:
            raise UserError(f"This CLIP's image tower is not supported: {error} Choose a ViT CLIP.") from error
    raise UserError("This CLIP's image tower is not supported. Choose a ViT CLIP such as ViT-B-32.")
