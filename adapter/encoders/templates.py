"""Prompt templates: one phrase becomes the mean of many wordings."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.encoders.text import TextEncoder
from adapter.utils.torchvision_compat import ensure_torchvision


def apply_templates(phrase: str) -> list[str]:
    """Put a phrase into the 80 ImageNet templates of CLIP (Radford et al. 2021; the list ships with open_clip)."""
    ensure_torchvision()
    from open_clip import OPENAI_IMAGENET_TEMPLATES

    return [template(phrase) for template in OPENAI_IMAGENET_TEMPLATES]


def encode_ensemble(encoder: TextEncoder, phrases: Sequence[str]) -> Tensor:
    """Embed phrases as the mean over the templates, the source of directions in StyleGAN-NADA.

    Returns:
        [N, D] unit vectors.

    Raises:
        UserError: an empty phrase, or one that leaves no room for the templates.
    """
    means = [encoder.encode(apply_templates(phrase)).mean(0) for phrase in phrases]
    return F.normalize(torch.stack(means), dim=-1)
