"""The weighted losses of a method, applied to a batch; what they compare is computed once per run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.adaptation.guidance import Guidance
from adapter.adaptation.source_cache import encode_images
from adapter.encoders.encoder import Encoded, ImageEncoder
from adapter.losses.base import Batch, Distillation, EncodedBatch, Inverter, LossContext, Sources, make_loss, total
from adapter.losses.face_view import FaceViews
from adapter.methods import LossTerm, Method
from adapter.methods.loss_terms import Requirement

GUIDED = frozenset({"analogy", "background_colour"})
"""The losses that mesh guides stand in for."""


@dataclass(frozen=True)
class ActiveLosses:
    """The losses of a method that count under a guidance, and what they read of an encoder.

    Args:
        terms: the losses.
    """

    terms: tuple[LossTerm, ...]

    @classmethod
    def of(
        cls,
        method: Method,
        guidance: Guidance,
        inverter: bool = False,
        distillation: bool = False,
        faces: bool = False,
    ) -> "ActiveLosses":
        """Leave out the losses whose requirements are not there, and what mesh guides stand in for.

        Args:
            inverter, distillation: whether there is one.
            faces: whether sources and references can be compared by their faces.

        Raises:
            UserError: no loss is left that guides.
        """
        available: dict[Requirement, bool] = {
            "reference": guidance.references is not None,
            "text": guidance.has_text,
            "inverter": inverter,
            "distillation": distillation,
            "views": method.views > 1,
            "faces": faces,
        }
        active = cls(method.active_losses({need for need, there in available.items() if there}))
        if "mesh_guide" not in active:
            return active
        return cls(tuple(term for term in active.terms if term.kind not in GUIDED))

    @property
    def layers(self) -> tuple[str | int, ...]:
        """Encoder layers whose tokens are read, each once."""
        return tuple(dict.fromkeys(layer for term in self.terms for layer in getattr(term, "layers", ())))

    @property
    def source_layers(self) -> tuple[str | int, ...]:
        """Those of them whose tokens are read of sources, too: compared, described, or averaged."""
        terms = (term for term in self.terms if getattr(term, "centred", True) or term.kind == "image_structure")
        return tuple(dict.fromkeys(layer for term in terms for layer in getattr(term, "layers", ())))

    @property
    def embedding(self) -> bool:
        """Whether the joint embedding is read."""
        return any(term.reads_embedding for term in self.terms)

    def __contains__(self, kind: str) -> bool:
        return any(term.kind == kind for term in self.terms)


class Objective:
    """The weighted losses of a method under one guidance.

    Losses whose requirements (references, a prompt, an inverter, a diffusion model) are not there are left out.

    Args:
        encoders: frozen; the losses that read them are summed over them.
        method: names the losses.
        sources: encoded by the same encoders.
        guidance: several references count as one domain: their embeddings are averaged, their tokens and colours
            pooled.
        inverter: for L_scc.
        distillation: for SDS.
        seed: of a discriminator.
        inversions: of the references, for analogies.
        faces: of sources and references, for mesh guides.
    """

    def __init__(
        self,
        encoders: Sequence[ImageEncoder],
        method: Method,
        sources: Sources,
        guidance: Guidance,
        inverter: Inverter | None = None,
        distillation: Distillation | None = None,
        seed: int = 0,
        inversions: Sources | None = None,
        faces: FaceViews | None = None,
    ) -> None:
        active = ActiveLosses.of(method, guidance, inverter is not None, distillation is not None, faces is not None)
        self.layers, self.embedding = active.layers, active.embedding
        self.encoders = tuple(encoders) if self.layers or self.embedding else ()
        references = guidance.references
        if references is not None and method.mirrored:
            references = torch.cat([references, references.flip(-1)])
        self.sources, self.references, self.destinations = sources, references, guidance.destinations
        self.goals = self._encoder_goals(guidance)
        context = LossContext(
            sources,
            references,
            inversions,
            faces,
            inverter,
            distillation,
            steps=method.steps,
            views=method.views,
            projections=method.directions,
            seed=seed,
        )
        self.losses = {term.kind: make_loss(term, context) for term in active.terms}

    @torch.no_grad()
    def _encoder_goals(self, guidance: Guidance) -> list[tuple[Encoded | None, Tensor | None, Encoded]]:
        """For each encoder the references, the direction of the prompt, and the sources' mean."""
        if not self.encoders:
            return []
        centers = [encoded.mean() for encoded in self.sources.encoded]
        directions: Sequence[Tensor | None] = guidance.directions or (None,) * len(self.encoders)
        if guidance.points and self.embedding:
            pairs = zip(guidance.points, centers, strict=True)
            directions = [F.normalize(point - center.joint[0], dim=0) for point, center in pairs]
        references: Sequence[Encoded | None] = (None,) * len(self.encoders)
        if self.references is not None:
            references = encode_images(self.encoders, self.references, self.layers, self.embedding)
        return list(zip(references, directions, centers, strict=True))

    def __call__(
        self,
        images: Tensor,
        index: Sequence[int] | Tensor,
        features: Tensor | None,
        random: torch.Generator,
        step: int = 0,
        raw: bool = False,
    ) -> dict[str, Tensor]:
        """Losses of a batch, weighted, by name.

        Args:
            images: target images [N, 3, H, W].
            index: places of their sources.
            features: the target's rendered features [N, F, R, R]; None if no training step can change them,
                which leaves L_F-str out.
            random: draws the points and projections of the sliced distances.
            step: of the whole run, from 0.
            raw: whether the images are raw renderings; only losses that read these count.
        """
        encoded = () if raw else encode_images(self.encoders, images, self.layers, self.embedding)
        sources = [one[index] for one in self.sources.encoded] if encoded else []
        compared = (
            EncodedBatch(target, source, *goal)
            for target, source, goal in zip(encoded, sources, () if raw else self.goals, strict=True)
        )
        batch = Batch(images, index, random, features, step, tuple(compared))
        return {
            kind: loss.term.weight * loss(batch)
            for kind, loss in self.losses.items()
            if (features is not None or not loss.reads_features) and (loss.reads_raw or not raw)
        }

    def global_loss(self, images: Tensor) -> Tensor:
        """One minus the cosine of images to the goal, the prompt or the references' mean, over all encoders."""
        embeddings = [encoder.encode(images).joint for encoder in self.encoders]
        return total((1 - one @ goal).mean() for one, goal in zip(embeddings, self._destinations, strict=True))

    @cached_property
    def _destinations(self) -> list[Tensor]:
        if self.destinations:
            return list(self.destinations)
        assert self.references is not None
        with torch.no_grad():
            means = [encoder.encode(self.references).joint.mean(dim=0) for encoder in self.encoders]
        return [F.normalize(mean, dim=0) for mean in means]

    def after_step(self, images: Tensor, random: torch.Generator) -> None:
        """Let networks that train beside the generator learn from a batch of its images [N, 3, H, W]."""
        for loss in self.losses.values():
            loss.after_step(images, random)

    def state_dict(self) -> dict[str, Tensor]:
        """What the losses keep from step to step."""
        return {f"{kind}/{key}": v for kind, loss in self.losses.items() for key, v in loss.state_dict().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore what `state_dict` gave."""
        for kind, loss in self.losses.items():
            own = {key.removeprefix(f"{kind}/"): value for key, value in state.items() if key.startswith(f"{kind}/")}
            if own:
                loss.load_state_dict(own)
