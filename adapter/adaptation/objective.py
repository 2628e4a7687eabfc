"""The losses of a method applied to a batch: what they compare is computed once per job."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter import losses
from adapter.adaptation.methods import LossTerm, Method
from adapter.adaptation.pool import Pool
from adapter.perception.encoder import Encoded, ImageEncoder

BACKGROUND_CERTAINTY = 4
"""Power that lets only cells count which are background almost surely."""
SMALLEST_EDIT = 1e-2
"""Edits shorter than this share of the wanted direction are not scaled up any further."""


@dataclass(frozen=True)
class View:
    """One encoder's view of a batch.

    Args:
        target, source: what it says about the target images and their sources.
        reference: what it says about the references.
        centre: the mean over the whole pool: embedding [1, D] and, by layer, token [1, 1, C].
    """

    target: Encoded
    source: Encoded
    reference: Encoded
    centre: Encoded

    def tokens(self, which: str, term: LossTerm, layer: str | int) -> Tensor:
        """Tokens [N, T, C] of "target", "source" or "reference", centred where the term says so."""
        tokens = getattr(self, which).tokens[layer]
        return tokens - self.centre.tokens[layer] if term.centred else tokens

    def summary(self, which: str, layer: str | int | None) -> Tensor:
        """Embeddings [N, D] of "target", "source", "reference" or "centre": joint, or of a layer's mean token."""
        seen: Encoded = getattr(self, which)
        return seen.embedding if layer is None else seen.tokens[layer].mean(dim=1)


@dataclass(frozen=True)
class Draws:
    """Random choices of one step, in a fixed order.

    Args:
        random: where they come from.
        projections: directions for each sliced distance.
    """

    random: torch.Generator
    projections: int

    def distance(self, target: Tensor, reference: Tensor, points: int) -> Tensor:
        """Sliced distance of two sets of images' points [N, T, C] and [K, T, C], thinned out to ``points`` each."""
        directions = losses.random_directions(target.shape[2], self.projections, self.random)
        few = losses.thin_out(target, points, self.random)
        wanted = losses.thin_out(reference, points, self.random).flatten(0, 1)
        return losses.sliced_wasserstein(few, wanted, directions.to(target.device))


def _directional(term: LossTerm, view: View, draws: Draws) -> Tensor:
    total = 0.0
    for layer in term.layers or (None,):
        wanted = view.summary("reference", layer).mean(dim=0) - view.summary("centre", layer)[0]
        smallest = SMALLEST_EDIT * float(wanted.norm())
        edit = view.summary("target", layer), view.summary("source", layer)
        total = total + losses.directional(*edit, wanted, max(smallest, losses.MINIMUM_NORM))
    return total


def _token_distribution(term: LossTerm, view: View, draws: Draws) -> Tensor:
    return sum(
        losses.token_distribution(
            view.tokens("target", term, layer), view.tokens("reference", term, layer).flatten(0, 1)
        )
        for layer in term.layers
    )


def _image_structure(term: LossTerm, view: View, draws: Draws) -> Tensor:
    return sum(
        losses.image_structure(view.tokens("target", term, layer), view.tokens("source", term, layer))
        for layer in term.layers
    )


def _shallow_distribution(term: LossTerm, view: View, draws: Draws) -> Tensor:
    total = 0.0
    for layer in term.layers:
        reference = view.tokens("reference", term, layer)
        distance = draws.distance(view.tokens("target", term, layer), reference, term.points)
        total = total + distance / reference.std().clamp_min(losses.MINIMUM_NORM)
    return total


def _moments(term: LossTerm, view: View, draws: Draws) -> Tensor:
    return sum(
        losses.moments(view.tokens("target", term, layer), view.tokens("reference", term, layer).flatten(0, 1))
        for layer in term.layers
    )


ENCODED: dict[str, Callable[[LossTerm, View, Draws], Tensor]] = {
    "directional": _directional,
    "token_distribution": _token_distribution,
    "image_structure": _image_structure,
    "shallow_distribution": _shallow_distribution,
    "moments": _moments,
}
"""Losses that compare what an encoder says, summed over the encoders."""


class Objective:
    """The weighted losses of a method against one set of references.

    Args:
        encoders: frozen; every loss of `ENCODED` is summed over them.
        method: names the losses.
        pool: the sources, already seen by the same encoders.
        references: images [K, 3, H, W] in [-1, 1]; several count as one domain: their embeddings are averaged,
            their tokens and colours pooled.
    """

    def __init__(self, encoders: Sequence[ImageEncoder], method: Method, pool: Pool, references: Tensor) -> None:
        self.terms = tuple(term for term in method.losses if term.weight > 0)
        self.layers = token_layers(method)
        self.joint = reads_embedding(method)
        self.projections = method.directions
        # A method of pixel losses alone asks an encoder nothing.
        self.encoders = tuple(encoders) if self.layers or self.joint else ()
        self.pool = pool
        if method.mirrored:
            references = torch.cat([references, references.flip(-1)])
        self.references = references
        with torch.no_grad():
            self.reference_seen = [encoder.encode(references, self.layers, self.joint) for encoder in self.encoders]
        self.centres = [_centre(seen) for seen in pool.seen]

    def __call__(
        self, images: Tensor, index: Sequence[int], features: Tensor | None, random: torch.Generator
    ) -> dict[str, Tensor]:
        """Losses of a batch, weighted, by kind.

        Args:
            images: target images [N, 3, H, W].
            index: their places in the pool.
            features: the target's rendered features [N, F, R, R]; None where no training step can change them,
                which leaves L_F-str out.
            random: draws the projections of the sliced distances.
        """
        draws = Draws(random, self.projections)
        result: dict[str, Tensor] = {}
        views = self._views(images, index) if any(term.kind in ENCODED for term in self.terms) else []
        for term in self.terms:
            if term.kind in ENCODED:
                value = sum(ENCODED[term.kind](term, view, draws) for view in views)
            elif term.kind == "colour_distribution":
                reference = _colours(self.references, term.side)
                value = draws.distance(_colours(images, term.side), reference, term.points)
            elif term.kind == "background_colour":
                value = self._background_colour(images, index, term.side)
            elif features is not None:
                value = losses.feature_structure(features, self.pool.features[index], term.side)
            else:
                continue
            result[term.kind] = term.weight * value
        return result

    def _background_colour(self, images: Tensor, index: Sequence[int], side: int) -> Tensor:
        """Compares places that are background in this source and, by most of the pool, likely in the reference."""
        usual = 1 - F.adaptive_avg_pool2d(self.pool.opacity, side).mean(dim=0, keepdim=True)
        here = 1 - F.adaptive_avg_pool2d(self.pool.opacity[index], side)
        weight = (usual * here).clamp_min(0).pow(BACKGROUND_CERTAINTY).flatten(1)
        reference = _colours(self.references, side).mean(dim=0)
        return losses.weighted_difference(_colours(images, side), reference, weight)

    def _views(self, images: Tensor, index: Sequence[int]) -> list[View]:
        return [
            View(encoder.encode(images, self.layers, self.joint), _pick(source, index), reference, centre)
            for encoder, source, reference, centre in zip(
                self.encoders, self.pool.seen, self.reference_seen, self.centres, strict=True
            )
        ]


def token_layers(method: Method) -> tuple[str | int, ...]:
    """The encoder layers that a method's losses read, each once."""
    return tuple(dict.fromkeys(layer for term in method.losses if term.weight > 0 for layer in term.layers))


def reads_embedding(method: Method) -> bool:
    """Whether a method's losses read the joint embedding; without, an encoder may stop earlier."""
    return any(term.kind == "directional" and not term.layers for term in method.losses if term.weight > 0)


def _colours(images: Tensor, side: int) -> Tensor:
    return F.adaptive_avg_pool2d(images, min(side, images.shape[-1])).flatten(2).transpose(1, 2)


def _centre(seen: Encoded) -> Encoded:
    return Encoded(
        embedding=None if seen.embedding is None else seen.embedding.mean(dim=0, keepdim=True),
        tokens={layer: tokens.mean(dim=(0, 1), keepdim=True) for layer, tokens in seen.tokens.items()},
    )


def _pick(seen: Encoded, index: Sequence[int]) -> Encoded:
    embedding = None if seen.embedding is None else seen.embedding[index]
    return Encoded(embedding, {layer: tokens[index] for layer, tokens in seen.tokens.items()})
