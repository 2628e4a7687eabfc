"""The one interface through which images are seen by a CLIP."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from adapter.encoders.models import create_model
from adapter.encoders.preprocessing import preprocess
from adapter.encoders.text import TextEncoder
from adapter.encoders.towers import Layer, make_tower


@dataclass(frozen=True)
class Encoded:
    """What an encoder says about N images.

    Attributes:
        embedding: [N, D] unit vectors in CLIP's joint space; None where not asked for.
        tokens: by layer, [N, T, C] as the layer gives them (not normalised, without class token), row by row.
    """

    embedding: Tensor | None
    tokens: dict[Layer, Tensor]


class ImageEncoder(nn.Module):
    """Frozen image tower of an open_clip model; images in [-1, 1] in, embeddings and tokens out."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap a model.

        Args:
            model: open_clip model with a ViT, or with a timm EfficientNet-Lite as image tower.

        Raises:
            UserError: another kind of tower.
        """
        super().__init__()
        visual = model.visual
        self.tower = make_tower(visual)
        size = visual.image_size
        self.image_size: int = size if isinstance(size, int) else size[0]
        self._mean, self._std = tuple(visual.image_mean), tuple(visual.image_std)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "ImageEncoder":
        """Stay in evaluation mode."""
        return super().train(False)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Layers whose tokens can be asked for, shallow to deep."""
        return self.tower.layers

    def grid(self, layer: Layer) -> int:
        """Side of the square of tokens that a layer gives.

        Raises:
            ValueError: no such layer.
        """
        self._check([layer])
        return self.tower.grid(layer)

    def encode(self, images: Tensor, layers: Sequence[Layer] = (), embedding: bool = True) -> Encoded:
        """Look at images once; differentiable with respect to them (first derivatives).

        Args:
            images: [N, 3, S, S] in [-1, 1], any S; resized and normalised as the model was trained.
            layers: whose tokens to return. For a CNN: "stem", "stage0" ... and "pooled" ([N, 1, C], the features
                that CLIP's projection reads). For a ViT: index k for the output of block k.
            embedding: whether to go on to the joint space; without, the network stops after the deepest layer.

        Raises:
            ValueError: unknown layer, nothing asked for, or images of another shape.
        """
        self._check(layers)
        if not layers and not embedding:
            raise ValueError("Ask for the embedding or for at least one layer.")
        seen = preprocess(images, self.image_size, self._mean, self._std)
        features, tokens = self.tower(seen, tuple(layers), embedding)
        return Encoded(None if features is None else F.normalize(features, dim=-1), tokens)

    def _check(self, layers: Sequence[Layer]) -> None:
        unknown = [layer for layer in layers if layer not in self.layers]
        if unknown:
            known = ", ".join(str(layer) for layer in self.layers)
            raise ValueError(f"This encoder has no layer {unknown[0]!r}. Its layers are {known}.")


def load_encoder(name: str | Path) -> ImageEncoder:
    """Load the image side of a CLIP: "clip-heads" (embedded), "ViT-B-32", "ViT-B-16", or a folder.

    Raises:
        UserError: unknown name, weights that cannot be fetched or do not fit.
    """
    return ImageEncoder(create_model(name)[0])


def load_text_encoder(name: str | Path) -> TextEncoder:
    """Load the text side of the same models.

    Raises:
        UserError: as `load_encoder`.
    """
    model, tokenizer = create_model(name)
    del model.visual
    return TextEncoder(model, tokenizer)


def load_clip(name: str | Path) -> tuple[ImageEncoder, TextEncoder]:
    """Load both sides at once.

    Raises:
        UserError: as `load_encoder`.
    """
    model, tokenizer = create_model(name)
    return ImageEncoder(model), TextEncoder(model, tokenizer)
