"""What guides an adaptation: reference images, a prompt, or both."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.encoders.templates import apply_templates
from adapter.encoders.text import TextEncoder
from adapter.errors import UserError


@dataclass(frozen=True)
class Guidance:
    """References, or a prompt in the joint space of each encoder, or both.

    Args:
        references: images [K, 3, H, W] in [-1, 1], one domain together; None for text alone.
        directions: for each encoder the edit [D] from the source's words to the prompt; none without text.
        points: for each encoder the end [D] of an edit that starts at the sources' mean image, in place of
            ``directions``; none otherwise.
        destinations: for each encoder the prompt's embedding [D], a unit vector; none without text.
        prompt, source_prompt, negative: the words these come from.
    """

    references: Tensor | None = None
    directions: tuple[Tensor, ...] = ()
    points: tuple[Tensor, ...] = ()
    destinations: tuple[Tensor, ...] = ()
    prompt: str | None = None
    source_prompt: str = "photo"
    negative: str = ""

    def __post_init__(self) -> None:
        if self.references is None and not self.has_text:
            raise UserError("Give a style image or a text: without either there is nothing to adapt to.")
        if self.references is None:
            return
        if self.references.dim() != 4 or self.references.shape[1] != 3 or not len(self.references):
            raise UserError("The reference must be one or more colour images.")
        if not torch.isfinite(self.references).all():
            raise UserError("A reference image holds values that are not numbers. Choose another image.")

    @property
    def has_text(self) -> bool:
        """Whether words guide, alone or beside pictures."""
        return bool(self.directions or self.points)

    def to(self, device: torch.device | str) -> "Guidance":
        """The same on another device, references in fp32."""
        moved = None if self.references is None else self.references.float().to(device)
        directions, points, destinations = (
            tuple(one.to(device) for one in each) for each in (self.directions, self.points, self.destinations)
        )
        return Guidance(moved, directions, points, destinations, self.prompt, self.source_prompt, self.negative)


def text_guidance(
    texts: Sequence[TextEncoder],
    prompt: str,
    source: str = "photo",
    negative: str = "",
    references: Tensor | None = None,
    from_mean: bool = False,
) -> Guidance:
    """Guidance by a prompt (StyleGAN-NADA's text direction), alone or together with references.

    For each encoder: the mean over the ImageNet templates of the unit embeddings of the prompt, minus that of the
    source; a negative prompt's edit is taken away at half its weight (ours).

    Args:
        texts: the text towers that belong to the encoders of the adaptation, in the same order.
        prompt: the style, such as "a bronze statue".
        source: what the base shows, in a word.
        negative: what to keep away from, if anything.
        references: images [K, 3, H, W] in [-1, 1] that lead, too.
        from_mean: the edit starts at the mean embedding of the sources' images, not at the source's words: DiFa's
            variant "mean". It crosses the gap between CLIP's texts and images.

    Raises:
        UserError: an empty prompt or source, one longer than a CLIP's context, or a prompt that equals the source.
    """
    directions, points, destinations = [], [], []
    for text in texts:
        for words in (prompt, source, *([negative] if negative.strip() else [])):
            text.check(words)
        goal = _embed(text, prompt)
        destinations.append(F.normalize(goal, dim=0))
        if from_mean:
            # Minus half a negative's edit, and both from the same start, this is the same edit at half its length.
            points.append(2 * goal - _embed(text, negative) if negative.strip() else goal)
            continue
        start = _embed(text, source)
        edit = goal - start
        if negative.strip():
            edit = edit - 0.5 * (_embed(text, negative) - start)
        if float(edit.norm()) < 1e-4:
            raise UserError("The text says the same as the source text, so there is nowhere to go. Change one of them.")
        directions.append(F.normalize(edit, dim=0))
    return Guidance(references, tuple(directions), tuple(points), tuple(destinations), prompt, source, negative)


def _embed(text: TextEncoder, words: str) -> Tensor:
    # A long prompt may fit the context only without a template around it.
    wordings = [wording for wording in apply_templates(words) if _fits(text, wording)] or [words]
    return text.encode(wordings).mean(dim=0)


def _fits(text: TextEncoder, wording: str) -> bool:
    try:
        text.check(wording)
    except UserError:
        return False
    return True
