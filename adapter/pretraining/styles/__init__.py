"""Procedural target domains: filters that turn a rendered head into a style, with ground truth for every view."""

from adapter.pretraining.styles.characters import CHARACTERS
from adapter.pretraining.styles.drawings import DRAWINGS
from adapter.pretraining.styles.materials import MATERIALS
from adapter.pretraining.styles.paintings import PAINTINGS
from adapter.pretraining.styles.renderings import RENDERINGS
from adapter.pretraining.styles.style import Style
from adapter.pretraining.styles.view import View

STYLES: dict[str, Style] = {
    style.name: style for style in (*MATERIALS, *DRAWINGS, *PAINTINGS, *CHARACTERS, *RENDERINGS)
}
HELD_OUT = tuple(style.name for style in STYLES.values() if style.held_out)

__all__ = ["HELD_OUT", "STYLES", "Style", "View"]
