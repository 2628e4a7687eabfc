"""L_dir: the edit of a CLIP embedding points towards the reference, or towards a prompt."""

from torch import Tensor

from adapter.losses.base import Batch, EncodedBatch, Loss, register, total
from adapter.losses.points import MINIMUM_NORM, unit
from adapter.methods import loss_terms

SMALLEST_EDIT = 1e-2
"""Edits shorter than this share of the reference's direction are not scaled up any further."""
SMALLEST_TEXT_EDIT = 1e-2
"""The same for prompts, in units of the embeddings: the direction of a text has no length of its own."""


def directional(target: Tensor, source: Tensor, direction: Tensor, minimum_norm: Tensor | float = 1e-2) -> Tensor:
    """L_dir: one minus the cosine between each pair's edit and a direction.

    The name is 3D-Adapter's, the formula DiFa's global loss: mean over n of
    1 - <unit(target_n - source_n), unit(direction)>. The edit's norm is clamped from below, so that equal
    embeddings give 1 and a bounded gradient (ours; the published code relies on noise to tell the two apart).

    Args:
        target: embeddings of target images [N, D].
        source: embeddings of the source images of the same latents and cameras [N, D].
        direction: [D], any length but zero.
        minimum_norm: smallest norm that an edit is divided by, in units of the embeddings.

    Returns:
        Scalar in [0, 2].
    """
    edit = unit(target - source, minimum_norm=minimum_norm)
    return (1 - edit @ unit(direction)).mean()


@register("directional")
class Directional(Loss):
    """The direction leads from the sources' mean to the references' mean."""

    term: loss_terms.Directional

    def __call__(self, batch: Batch) -> Tensor:
        """The sum over encoders and layers."""
        layers = self.term.layers or (None,)
        return total(self._of_layer(encoded, layer) for encoded in batch.encoded for layer in layers)

    @staticmethod
    def _of_layer(encoded: EncodedBatch, layer: str | int | None) -> Tensor:
        direction = encoded.summary("reference", layer).mean(dim=0) - encoded.summary("center", layer)[0]
        smallest = (SMALLEST_EDIT * direction.norm()).clamp_min(MINIMUM_NORM)
        return directional(encoded.summary("target", layer), encoded.summary("source", layer), direction, smallest)


@register("text_directional")
class TextDirectional(Loss):
    """The direction is the prompt's."""

    def __call__(self, batch: Batch) -> Tensor:
        """The sum over encoders, by the joint embedding."""
        return total(self._by(encoded) for encoded in batch.encoded)

    @staticmethod
    def _by(encoded: EncodedBatch) -> Tensor:
        assert encoded.direction is not None
        return directional(encoded.target.joint, encoded.source.joint, encoded.direction, SMALLEST_TEXT_EDIT)
