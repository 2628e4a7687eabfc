"""Procedural target domains: filters that turn a rendered head into a style, with ground truth for every view."""

from adapter.synthetic.styles.characters import CHARACTERS
from adapter.synthetic.styles.drawings import DRAWINGS
from adapter.synthetic.styles.materials import MATERIALS
from adapter.synthetic.styles.paintings import PAINTINGS
from adapter.synthetic.styles.renderings import RENDERINGS
from adapter.synthetic.styles.style import Style
from adapter.synthetic.styles.view import View

STYLES: dict[str, Style] = {
    style.name: style for style in (*MATERIALS, *DRAWINGS, *PAINTINGS, *CHARACTERS, *RENDERINGS)
}
HELD_OUT = tuple(style.name for style in STYLES.values() if style.held_out)

__all__ = ["HELD_OUT", "STYLES", "Style", "View"]
