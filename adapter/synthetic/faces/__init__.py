"""Procedural styles over people of the base ``faces``."""

from adapter.synthetic.faces.portrait import Portrait, take_portrait
from adapter.synthetic.faces.segments import segment
from adapter.synthetic.faces.view import view_of

__all__ = ["Portrait", "segment", "take_portrait", "view_of"]
