"""The losses of a method applied to a batch: what they compare is computed once per job."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter import losses
from adapter.adaptation.analogy import guides
from adapter.adaptation.code_queue import CodeQueue
from adapter.adaptation.discriminator import AdversarialLoss
from adapter.adaptation.guidance import Guidance
from adapter.adaptation.source_cache import Pool
from adapter.adaptation.view_consistency import match_views
from adapter.encoders.encoder import Encoded, ImageEncoder
from adapter.errors import UserError
from adapter.methods.schema import FROM_REFERENCE, FROM_TEXT, LossTerm, Method

BACKGROUND_CERTAINTY = 4
"""Power that lets only cells count which are background almost surely."""
SMALLEST_EDIT = 1e-2
"""Edits shorter than this share of the wanted direction are not scaled up any further."""
SMALLEST_TEXT_EDIT = 1e-2
"""The same for edits towards a prompt, in units of the embeddings: a text's direction says nothing of how far."""


@dataclass(frozen=True)
class View:
    """One encoder's view of a batch.

    Args:
        target, source: what it says about the target images and their sources.
        reference: what it says about the references; None without any.
        direction: the edit that a prompt asks for [D]; None without one.
        centre: the mean over the whole pool: embedding [1, D] and, by layer, token [1, 1, C].
    """

    target: Encoded
    source: Encoded
    reference: Encoded | None
    direction: Tensor | None
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

    def distance(self, target: Tensor, reference: Tensor, points: int, place: float = 0.0) -> Tensor:
        """Sliced distance of two sets of images' points [N, T, C] and [K, T, C], thinned out to ``points`` each."""
        if place:
            target, reference = losses.with_places(target, place), losses.with_places(reference, place)
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


def _text_directional(term: LossTerm, view: View, draws: Draws) -> Tensor:
    return losses.directional(view.target.embedding, view.source.embedding, view.direction, SMALLEST_TEXT_EDIT)


def _token_distribution(term: LossTerm, view: View, draws: Draws) -> Tensor:
    total = 0.0
    for layer in term.layers:
        target, reference = (view.tokens(which, term, layer) for which in ("target", "reference"))
        far = _place_costs(target.shape[1], len(reference), term.place, target.device) if term.place else None
        if target.shape[1] > term.points:
            some = losses.thinning(target.shape[1], term.points, draws.random)
            target, far = target[:, some], None if far is None else far[some]
        total = total + losses.token_distribution(target, reference.flatten(0, 1), far)
    return total


@lru_cache(maxsize=8)
def _place_costs(count: int, pictures: int, weight: float, device: torch.device) -> Tensor:
    """The same in every step, so kept."""
    return losses.place_costs(count, pictures, weight).to(device)


def _image_structure(term: LossTerm, view: View, draws: Draws) -> Tensor:
    return sum(
        losses.image_structure(view.tokens("target", term, layer), view.tokens("source", term, layer))
        for layer in term.layers
    )


def _shallow_distribution(term: LossTerm, view: View, draws: Draws) -> Tensor:
    total = 0.0
    for layer in term.layers:
        reference = view.tokens("reference", term, layer)
        scale = reference.std().clamp_min(losses.MINIMUM_NORM)
        distance = draws.distance(
            view.tokens("target", term, layer) / scale, reference / scale, term.points, term.place
        )
        total = total + distance
    return total


def _moments(term: LossTerm, view: View, draws: Draws) -> Tensor:
    return sum(
        losses.moments(view.tokens("target", term, layer), view.tokens("reference", term, layer).flatten(0, 1))
        for layer in term.layers
    )


ENCODED: dict[str, Callable[[LossTerm, View, Draws], Tensor]] = {
    "directional": _directional,
    "text_directional": _text_directional,
    "token_distribution": _token_distribution,
    "image_structure": _image_structure,
    "shallow_distribution": _shallow_distribution,
    "moments": _moments,
}
"""Losses that compare what an encoder says, summed over the encoders."""


class Objective:
    """The weighted losses of a method under one guidance.

    Terms that need what is not given (references, a prompt, an inverter, a diffusion model) are left out.

    Args:
        encoders: frozen; every loss of `ENCODED` is summed over them.
        method: names the losses.
        pool: the sources, already seen by the same encoders.
        guidance: several references count as one domain: their embeddings are averaged, their tokens and colours
            pooled.
        inverter: maps images [N, 3, H, W] to W+ [N, num_ws, w], for L_scc.
        distillation: scores images [N, 3, H, W] with a random generator, for SDS.
        seed: of a discriminator.
        twins: the references' twins among the base's people, for analogies.
    """

    def __init__(
        self,
        encoders: Sequence[ImageEncoder],
        method: Method,
        pool: Pool,
        guidance: Guidance,
        inverter: Callable[[Tensor], Tensor] | None = None,
        distillation: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        seed: int = 0,
        twins: Pool | None = None,
    ) -> None:
        self.terms = active_terms(method, guidance, inverter is not None, distillation is not None, twins is not None)
        self.layers, self.joint = _layers(self.terms), _joint(self.terms)
        self.projections, self.total = method.directions, method.steps
        # A method of pixel losses alone asks an encoder nothing.
        self.encoders = tuple(encoders) if self.layers or self.joint else ()
        self.pool, self.distillation = pool, distillation
        references = guidance.references
        if references is not None and method.mirrored:
            references = torch.cat([references, references.flip(-1)])
        self.references = references
        self.destinations = guidance.destinations
        self.reference_seen: list[Encoded | None] = [None] * len(self.encoders)
        if references is not None:
            with torch.no_grad():
                self.reference_seen = [one.encode(references, self.layers, self.joint) for one in self.encoders]
        self.centres = [_centre(seen) for seen in pool.seen]
        self.directions: Sequence[Tensor | None] = guidance.directions or (None,) * len(self.encoders)
        if guidance.points and self.joint:
            self.directions = [
                F.normalize(point - centre.embedding[0], dim=0)
                for point, centre in zip(guidance.points, self.centres, strict=True)
            ]
        kinds = {term.kind: term for term in self.terms}
        self.codes = self.critic = self.guides = self.neighbours = None
        if "analogy" in kinds:
            self.guides = guides(pool, twins, guidance.references, kinds["analogy"])
        if "consistency" in kinds:
            self.codes = CodeQueue(kinds["consistency"], inverter, pool.images, method.steps)
        if "view_consistency" in kinds:
            self.neighbours = match_views(pool, method.views, kinds["view_consistency"].side)
        if "adversarial" in kinds:
            self.critic = AdversarialLoss(references, pool.images.shape[-1], seed)

    def __call__(
        self, images: Tensor, index: Sequence[int], features: Tensor | None, random: torch.Generator, step: int = 0
    ) -> dict[str, Tensor]:
        """Losses of a batch, weighted, by kind.

        Args:
            images: target images [N, 3, H, W].
            index: their places in the pool.
            features: the target's rendered features [N, F, R, R]; None where no training step can change them,
                which leaves L_F-str out.
            random: draws the projections of the sliced distances.
            step: of the whole run, from 0.
        """
        draws = Draws(random, self.projections)
        result: dict[str, Tensor] = {}
        views = self._views(images, index) if any(term.kind in ENCODED for term in self.terms) else []
        for term in self.terms:
            if term.kind in ENCODED:
                value = sum(ENCODED[term.kind](term, view, draws) for view in views)
            elif term.kind == "colour_distribution":
                reference = losses.grid_points(self.references, term.side)
                value = draws.distance(losses.grid_points(images, term.side), reference, term.points, term.place)
            elif term.kind == "analogy":
                value = (losses.grid_points(images, term.side) - self.guides[index]).abs().mean()
            elif term.kind == "view_consistency":
                value = self.neighbours.difference(images, index)
            elif term.kind == "background_colour":
                value = self._background_colour(images, index, term.side)
            elif term.kind == "background_variation":
                value = self._background_variation(images, index)
            elif term.kind == "consistency":
                value = self.codes.loss(images, index, step)
            elif term.kind == "adversarial":
                value = self.critic.loss(images, random)
            elif term.kind == "score_distillation":
                value = self.distillation(images, random)
            elif features is not None:
                value = losses.feature_structure(features, self.pool.features[index], term.side)
            else:
                continue
            result[term.kind] = term.weight * value
        return result

    def global_loss(self, images: Tensor) -> Tensor:
        """One minus the cosine of images to the goal, the prompt or the references' mean, over all encoders."""
        seen = [encoder.encode(images).embedding for encoder in self.encoders]
        return sum((1 - one @ goal).mean() for one, goal in zip(seen, self._goals, strict=True))

    @cached_property
    def _goals(self) -> list[Tensor]:
        if self.destinations:
            return list(self.destinations)
        with torch.no_grad():
            means = [encoder.encode(self.references).embedding.mean(dim=0) for encoder in self.encoders]
        return [F.normalize(mean, dim=0) for mean in means]

    def after_step(self, images: Tensor, random: torch.Generator) -> None:
        """Let whatever learns beside the generator learn from a batch of its images."""
        if self.critic is not None:
            self.critic.learn(images, random)

    def memory(self) -> dict[str, Tensor]:
        """What the losses remember from step to step, for a resumed run."""
        kept = {} if self.codes is None else {f"codes/{name}": value for name, value in self.codes.memory().items()}
        if self.critic is not None:
            kept |= {f"critic/{name}": value for name, value in self.critic.memory().items()}
        return kept

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Take up what `memory` gave."""
        for prefix, one in (("codes/", self.codes), ("critic/", self.critic)):
            if one is not None:
                one.recall({name[len(prefix) :]: value for name, value in memory.items() if name.startswith(prefix)})

    def _background_colour(self, images: Tensor, index: Sequence[int], side: int) -> Tensor:
        """Compares places that are background in this source and, by most of the pool, likely in the reference."""
        usual = 1 - F.adaptive_avg_pool2d(self.pool.opacity, side).mean(dim=0, keepdim=True)
        here = 1 - F.adaptive_avg_pool2d(self.pool.opacity[index], side)
        weight = (usual * here).clamp_min(0).pow(BACKGROUND_CERTAINTY).flatten(1)
        reference = losses.grid_points(self.references, side).mean(dim=0)
        return losses.weighted_difference(losses.grid_points(images, side), reference, weight)

    def _background_variation(self, images: Tensor, index: Sequence[int]) -> Tensor:
        clear = (1 - self.pool.opacity[index]).clamp_min(0).square()
        return losses.weighted_variation(F.adaptive_avg_pool2d(images, clear.shape[-1]), clear)

    def _views(self, images: Tensor, index: Sequence[int]) -> list[View]:
        views = zip(self.encoders, self.pool.seen, self.reference_seen, self.directions, self.centres, strict=True)
        return [
            View(encoder.encode(images, self.layers, self.joint), _pick(source, index), *given)
            for encoder, source, *given in views
        ]


def active_terms(
    method: Method, guidance: Guidance, inverter: bool = False, distillation: bool = False, twins: bool = False
) -> tuple[LossTerm, ...]:
    """The losses of a method that count under a guidance.

    Raises:
        UserError: none is left that leads anywhere.
    """
    given = {
        **dict.fromkeys(FROM_REFERENCE, guidance.references is not None),
        **dict.fromkeys(FROM_TEXT, guidance.has_text),
        "consistency": inverter,
        "analogy": twins and guidance.references is not None,
        "score_distillation": distillation,
    }
    terms = tuple(term for term in method.losses if term.weight > 0 and given.get(term.kind, True))
    if not any(term.kind in (*FROM_REFERENCE, *FROM_TEXT, "score_distillation") for term in terms):
        missing = "a text" if guidance.references is None else "an image"
        raise UserError(f"The method {method.name} cannot be led by {missing} alone. Choose another method.")
    return terms


def token_layers(method: Method, guidance: Guidance) -> tuple[str | int, ...]:
    """The encoder layers that a method's losses read under a guidance, each once."""
    return _layers(active_terms(method, guidance, True, True, True))


def reads_embedding(method: Method, guidance: Guidance) -> bool:
    """Whether its losses read the joint embedding; without, an encoder may stop earlier."""
    return _joint(active_terms(method, guidance, True, True, True))


def _layers(terms: Sequence[LossTerm]) -> tuple[str | int, ...]:
    return tuple(dict.fromkeys(layer for term in terms for layer in term.layers))


def _joint(terms: Sequence[LossTerm]) -> bool:
    return any(term.kind in ("directional", "text_directional") and not term.layers for term in terms)


def _centre(seen: Encoded) -> Encoded:
    return Encoded(
        embedding=None if seen.embedding is None else seen.embedding.mean(dim=0, keepdim=True),
        tokens={layer: tokens.mean(dim=(0, 1), keepdim=True) for layer, tokens in seen.tokens.items()},
    )


def _pick(seen: Encoded, index: Sequence[int]) -> Encoded:
    embedding = None if seen.embedding is None else seen.embedding[index]
    return Encoded(embedding, {layer: tokens[index] for layer, tokens in seen.tokens.items()})
