"""What a style is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adapter.pretraining.heads.render import HeadRender
from adapter.pretraining.styles.view import View

HELD_OUT_PROMPTS = 2


@dataclass(frozen=True)
class Style:
    """A target domain with ground truth.

    Attributes:
        name: short, unique, in plain words.
        family: what kind of style, for ordering.
        prompts: different wordings; the last two are kept from training the embedded CLIP.
        function: from a view to an image [H,W,3] in 0..1.
        held_out: kept for evaluation: never used to choose a weight or a default of an adaptation method.
    """

    name: str
    family: str
    prompts: tuple[str, ...]
    function: Callable[[View], np.ndarray]
    held_out: bool = False

    @property
    def training_prompts(self) -> tuple[str, ...]:
        """Wordings that the embedded CLIP is trained with."""
        return self.prompts[:-HELD_OUT_PROMPTS]

    @property
    def held_out_prompts(self) -> tuple[str, ...]:
        """Wordings that it is judged with."""
        return self.prompts[-HELD_OUT_PROMPTS:]

    def render(self, head: HeadRender, cameras: np.ndarray) -> np.ndarray:
        """Style every view of a head.

        Args:
            head: V views.
            cameras: [V,25] that they were rendered with.

        Returns:
            [V,H,W,3] float32 in 0..1.
        """
        return np.stack([self.function(View.of(head, cameras, index)) for index in range(len(cameras))])
