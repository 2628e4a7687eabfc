"""Prompts, read before any time is spent on them."""

from adapter.diffusion.models import available
from adapter.errors import UserError
from adapter.service.limits import PROMPT_LETTERS


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
