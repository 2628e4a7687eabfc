"""The one interface through which a CLIP encodes images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adapter.encoders.models import create_model
from adapter.encoders.preprocessing import normalization, preprocess
from adapter.encoders.text import TextEncoder
from adapter.encoders.towers import Layer, make_tower


@dataclass(frozen=True)
class Encoded:
    """N images as an encoder gives them.

    Attributes:
        embedding: [N, D] unit vectors in CLIP's joint space; None if they were left out.
        tokens: by layer, [N, T, C] as the layer gives them (not normalized, without class token), row by row.
    """

    embedding: Tensor | None
    tokens: dict[Layer, Tensor]

    @property
    def joint(self) -> Tensor:
        """The embedding [N, D].

        Raises:
            ValueError: it was left out.
        """
        if self.embedding is None:
            raise ValueError("These images were encoded without the joint embedding.")
        return self.embedding

    def __getitem__(self, index: slice | Sequence[int] | Tensor) -> "Encoded":
        embedding = None if self.embedding is None else self.embedding[index]
        return Encoded(embedding, {layer: tokens[index] for layer, tokens in self.tokens.items()})

    def mean(self) -> "Encoded":
        """The mean embedding [1, D], and by layer the mean token [1, 1, C]."""
        embedding = None if self.embedding is None else self.embedding.mean(dim=0, keepdim=True)
        means = {layer: tokens.mean(dim=(0, 1), keepdim=True) for layer, tokens in self.tokens.items()}
        return Encoded(embedding, means)


def join_encoded(parts: Sequence[Encoded]) -> Encoded:
    """All images of several, which were encoded alike."""
    embeddings = [part.embedding for part in parts if part.embedding is not None]
    tokens = {layer: torch.cat([part.tokens[layer] for part in parts]) for layer in parts[0].tokens}
    return Encoded(torch.cat(embeddings) if embeddings else None, tokens)


class ImageEncoder(nn.Module):
    """Frozen image tower of an open_clip model; images in [-1, 1] in, embeddings and tokens out."""

    scale: Tensor | None
    shift: Tensor | None

    def __init__(self, model: Any) -> None:
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
        # Kept beside the weights: numbers of the host would be copied to a GPU in every call.
        normalized_by = normalization(visual.image_mean, visual.image_std)
        self.register_buffer("scale", normalized_by and normalized_by[0], persistent=False)
        self.register_buffer("shift", normalized_by and normalized_by[1], persistent=False)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "ImageEncoder":
        """Ignore the mode: the model stays in evaluation mode."""
        return super().train(False)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Layers whose tokens `encode` can return, shallow to deep."""
        return self.tower.layers

    def grid(self, layer: Layer) -> int:
        """Side of the square of tokens that a layer gives.

        Raises:
            ValueError: no such layer.
        """
        self._check([layer])
        return self.tower.grid(layer)

    def encode(self, images: Tensor, layers: Sequence[Layer] = (), embedding: bool = True) -> Encoded:
        """Encode images; differentiable with respect to them (first derivatives).

        Args:
            images: [N, 3, S, S] in [-1, 1], any S; resized and normalized as the model was trained.
            layers: whose tokens to return. For a CNN: "stem", "stage0" ... and "pooled" ([N, 1, C], the features
                that CLIP's projection reads). For a ViT: index k for the output of block k.
            embedding: whether to compute the joint embedding; without it, the network stops after the deepest layer.

        Raises:
            ValueError: an unknown layer, neither layers nor the embedding, or images of another shape.
        """
        self._check(layers)
        if not layers and not embedding:
            raise ValueError("Ask for the embedding or for at least one layer.")
        normalized_by = None if self.scale is None or self.shift is None else (self.scale, self.shift)
        prepared = preprocess(images, self.image_size, normalized_by)
        features, tokens = self.tower(prepared, tuple(layers), embedding)
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
