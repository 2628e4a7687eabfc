"""Prompts, read before any time is spent on them."""

from adapter.diffusion.models import available
from adapter.errors import UserError
from adapter.methods.offers import family
from adapter.service.limits import PROMPT_LETTERS


def reads_everything(encoder: str) -> bool:
    """Whether a CLIP learned from texts about everything, so that words may say what a person is to look like."""
    return family(encoder) == "clip-vit"


def check_person_words(prompt: str, encoder: str) -> None:
    """Check that a CLIP can serve an edit of a person by words.

    Raises:
        UserError: no words, too many, or a CLIP whose vocabulary is styles.
    """
    if not prompt.strip():
        raise UserError("Write what the person is to look like, such as: a person with curly hair.")
    if len(prompt) > PROMPT_LETTERS:
        raise UserError(f"The words may have at most {PROMPT_LETTERS} letters, not {len(prompt)}.")
    if not reads_everything(encoder):
        raise UserError(
            "The embedded text model reads styles, and no words about a person. Use the named edits, or start the "
            "program with a CLIP that reads everything, such as ENCODER=ViT-B-32."
        )


def check_prompt(prompt: str, encoder: str, reference_from_text: str = "") -> str:
    """What to tell the user about how a prompt is read; empty if there is nothing to say.

    Args:
        prompt: an empty one passes.
        encoder: name of the CLIP.
        reference_from_text: the diffusion model that reads the prompt in place of the CLIP; empty for none.

    Raises:
        UserError: the prompt is too long, the CLIP does not know the words, or the diffusion model is not available.
    """
    if not prompt.strip():
        return ""
    if len(prompt) > PROMPT_LETTERS:
        raise UserError(f"The prompt may have at most {PROMPT_LETTERS} letters, not {len(prompt)}.")
    if reference_from_text:
        possible, reason = available(reference_from_text)
        if not possible:
            raise UserError(reason)
        return ""
    from adapter.service import models  # loads torch

    reading = models.read_prompt(prompt.strip(), encoder)
    if not reading.known:
        raise UserError(reading.message)
    return reading.message
