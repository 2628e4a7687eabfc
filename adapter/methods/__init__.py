"""Methods as data, without torch: what is trained in which order by which losses, and what the page offers of them."""

from adapter.methods.presets import METHODS, TITLES, get_method, title
from adapter.methods.schema import LOSSES, PARTS, LossTerm, Method, Stage

__all__ = ["LOSSES", "METHODS", "PARTS", "TITLES", "LossTerm", "Method", "Stage", "get_method", "title"]
