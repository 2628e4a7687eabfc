"""What all losses share: what they are made from, what they get in a step, and the registry of their classes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from adapter.encoders.encoder import Encoded
from adapter.losses.face_view import FaceViews
from adapter.methods.loss_terms import LOSSES, LossTerm, TokenTerm


class Inverter(Protocol):
    """A W+ encoder of the base, differentiable with respect to images [N, 3, H, W] in [-1, 1]."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Codes W+ [N, num_ws, w]."""

    def predict(self, images: Tensor, /) -> tuple[Tensor, Tensor]:
        """Codes W+ [N, num_ws, w], and yaw and pitch [N, 2] of the cameras in radians from the front."""


Distillation = Callable[[Tensor, torch.Generator], Tensor]
"""A differentiable score of images [N, 3, H, W] by a diffusion model; lower is likelier."""


@dataclass(frozen=True)
class Sources:
    """Renderings of n pairs of a latent and a camera by the source generator.

    Args:
        cameras: labels [n, 25].
        features: rendered features [n, F, R, R].
        opacity: [n, 1, R, R], in [0, 1].
        depth: distances from the camera [n, 1, R, R].
        images: [n, 3, H, W] in [-1, 1].
        encoded: of the images, by each encoder.
    """

    cameras: Tensor
    features: Tensor
    opacity: Tensor
    depth: Tensor
    images: Tensor
    encoded: tuple[Encoded, ...] = ()

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class LossContext:
    """What the losses of a run are made from.

    Args:
        sources: everything that the run trains on.
        references: images [K, 3, H, W] in [-1, 1] of one domain; None for text alone.
        inversions: renderings of the base's identities that are most like the references, from the same cameras.
        faces: of the sources and the references; None if they cannot be compared by their faces.
        inverter, distillation: None if there is none.
        steps: of the whole run.
        views: cameras per identity, which follow each other in the sources.
        projections: directions for each sliced distance.
        seed: of whatever is initialized at random.
    """

    sources: Sources
    references: Tensor | None = None
    inversions: Sources | None = None
    faces: FaceViews | None = None
    inverter: Inverter | None = None
    distillation: Distillation | None = None
    steps: int = 1
    views: int = 1
    projections: int = 32
    seed: int = 0


@dataclass(frozen=True)
class EncodedBatch:
    """A batch as one encoder encodes it.

    Args:
        target, source: of the target images and of their sources.
        reference: of the references; None without any.
        direction: the edit that a prompt describes [D]; None without one.
        center: the mean over all sources: embedding [1, D] and, by layer, token [1, 1, C].
    """

    target: Encoded
    source: Encoded
    reference: Encoded | None
    direction: Tensor | None
    center: Encoded

    def tokens(self, of: str, layer: str | int, centred: bool) -> Tensor:
        """Tokens [N, T, C] of "target", "source" or "reference", minus the sources' mean token if ``centred``."""
        tokens = getattr(self, of).tokens[layer]
        return tokens - self.center.tokens[layer] if centred else tokens

    def summary(self, of: str, layer: str | int | None) -> Tensor:
        """Embeddings [N, D] of "target", "source", "reference" or "center", or the mean tokens of a layer."""
        encoded: Encoded = getattr(self, of)
        return encoded.joint if layer is None else encoded.tokens[layer].mean(dim=1)


@dataclass(frozen=True)
class Batch:
    """What the losses compare in one step.

    Args:
        images: target images [N, 3, H, W].
        index: places of their sources.
        random: draws points and projections.
        features: the target's rendered features [N, F, R, R]; None if the stage cannot change them.
        step: of the whole run, from 0.
        encoded: by each encoder; empty if no loss reads any.
    """

    images: Tensor
    index: Sequence[int] | Tensor
    random: torch.Generator
    features: Tensor | None = None
    step: int = 0
    encoded: tuple[EncodedBatch, ...] = field(default=())


class Loss:
    """One loss of a run: made once from its options and the context, called once per step."""

    reads_raw = False
    """Whether the loss compares nothing but colors and features, so that raw renderings do."""
    reads_features = False
    """Whether the loss compares rendered features; it is left out in stages that cannot change them."""

    def __init__(self, term: LossTerm, context: LossContext) -> None:
        self.term, self.context = term, context

    def __call__(self, batch: Batch) -> Tensor:
        """The scalar loss of a batch, without its weight."""
        raise NotImplementedError

    def after_step(self, images: Tensor, random: torch.Generator) -> None:
        """Let a network that trains beside the generator learn from a batch of its images [N, 3, H, W]."""

    def state_dict(self) -> dict[str, Tensor]:
        """What the loss keeps from step to step."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""


class TokenLoss(Loss):
    """A loss that compares tokens, summed over the encoders and the layers."""

    term: TokenTerm
    compared_with = "reference"
    """Whose tokens: "reference" or "source"."""

    def __call__(self, batch: Batch) -> Tensor:
        """The sum over encoders and layers."""
        return total(
            self.compare(
                encoded.tokens("target", layer, self.term.centred),
                encoded.tokens(self.compared_with, layer, self.term.centred),
                batch.random,
            )
            for encoded in batch.encoded
            for layer in self.term.layers
        )

    def compare(self, target: Tensor, goal: Tensor, random: torch.Generator) -> Tensor:
        """The scalar loss of target tokens [N, T, C] against tokens [N, T, C] of the sources or [K, T, C]."""
        raise NotImplementedError


REGISTRY: dict[str, type[Loss]] = {}
"""The classes by the names of their losses in `adapter.methods.loss_terms`."""
_Class = TypeVar("_Class", bound=type[Loss])


def register(kind: str) -> Callable[[_Class], _Class]:
    """Register the class that computes a loss of `adapter.methods.loss_terms`."""

    def registered(loss: _Class) -> _Class:
        if kind not in LOSSES or kind in REGISTRY:
            raise ValueError(f"{kind} is not the name of a loss without a class.")
        REGISTRY[kind] = loss
        return loss

    return registered


def make_loss(term: LossTerm, context: LossContext) -> Loss:
    """The loss that a term names."""
    return REGISTRY[term.kind](term, context)


def total(values: Iterable[Tensor]) -> Tensor:
    """Sum of at least one tensor."""
    return reduce(add, values)
