"""What a style is."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapter.synthetic.heads.render import HeadRender
from adapter.synthetic.styles.view import View

PROMPTS_FILE = Path(__file__).with_name("prompts.json")


@dataclass(frozen=True)
class Style:
    """A target domain with ground truth.

    Attributes:
        name: short, unique, in plain words.
        family: what kind of style, for ordering.
        function: from a view to an image [H,W,3] in 0..1.
        held_out: kept for evaluation: never used to choose a weight or a default of an adaptation method.
    """

    name: str
    family: str
    function: Callable[[View], np.ndarray]
    held_out: bool = False

    @property
    def prompts(self) -> tuple[str, ...]:
        """Wordings of the style that the embedded CLIP is trained with, the plainest first."""
        return tuple(prompts()[self.name]["training"])

    def render(self, head: HeadRender, cameras: np.ndarray) -> np.ndarray:
        """Style every view of a head.

        Args:
            head: V views.
            cameras: [V,25] that they were rendered with.

        Returns:
            [V,H,W,3] float32 in 0..1.
        """
        return np.stack([self.draw(View.of(head, cameras, index)) for index in range(len(cameras))])

    def draw(self, view: View) -> np.ndarray:
        """Style one view: [H,W,3] float32 in 0..1."""
        return np.clip(self.function(view), 0, 1).astype(np.float32)


@functools.cache
def prompts() -> dict[str, dict[str, list[str]]]:
    """All wordings: "training" and "held_out" by name of the style; "source" stands for the plain render."""
    return json.loads(PROMPTS_FILE.read_text(encoding="utf-8"))
