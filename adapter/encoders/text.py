"""The text side of CLIP."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adapter.errors import UserError

BATCH = 256
LETTERS_PER_TOKEN = 12
"""No text with more of them fits the context; it is refused before the tokenizer, whose time is quadratic in a word."""


class TextEncoder(nn.Module):
    """Frozen text tower of an open_clip model with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Wrap a model.

        Args:
            model: open_clip model.
            tokenizer: the one that open_clip gives for it.
        """
        super().__init__()
        text = getattr(model, "text", None)
        self._encode: nn.Module = text if text is not None else _TextOf(model)
        self.tokenizer = tokenizer
        self.context_length = int(text.context_length if text is not None else model.context_length)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "TextEncoder":
        """Stay in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Embed prompts.

        Returns:
            [N, D] unit vectors in CLIP's joint space.

        Raises:
            UserError: an empty prompt, or one longer than the context; nothing is cut silently.
            ValueError: a single string instead of a list of them, or no prompt.
        """
        if isinstance(prompts, str) or not len(prompts):
            raise ValueError("encode takes a non-empty list of prompts.")
        for prompt in prompts:
            self.check(prompt)
        device = next(self._encode.parameters()).device
        parts = [
            F.normalize(self._encode(self.tokenizer(list(prompts[i : i + BATCH])).to(device)).float(), dim=-1)
            for i in range(0, len(prompts), BATCH)
        ]
        return torch.cat(parts)

    def check(self, prompt: str) -> None:
        """Raise UserError for a prompt that is empty or longer than the context."""
        if not prompt.strip():
            raise UserError("The text is empty. Describe the style in a few words, such as: a bronze statue.")
        if len(prompt) > LETTERS_PER_TOKEN * self.context_length:
            raise UserError(
                f"The text is too long for CLIP: it has {len(prompt)} letters, and about "
                f"{self.context_length - 2} short words are read. Shorten it."
            )
        used = len(self.tokenizer.encode(prompt)) + 2  # start and end of text
        if used > self.context_length:
            raise UserError(
                f"The text is {used - self.context_length} tokens too long for CLIP, which reads "
                f"{self.context_length - 2} (about as many short words). Shorten it."
            )

    def is_common_word(self, word: str) -> bool:
        """Whether the tokenizer has a token for the whole word, as it has for common English words."""
        return len(self.tokenizer.encode(word)) == 1


class _TextOf(nn.Module):
    """Text tower of a model that keeps its parts at the top level, as OpenAI's do."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model.encode_text(tokens)
