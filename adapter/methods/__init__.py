"""Methods as data, without torch: what is trained in which order by which losses, and what the page offers of them."""

from adapter.methods.loss_terms import LOSSES, LossTerm, loss
from adapter.methods.presets import METHODS, TITLES, get_method, title
from adapter.methods.schema import PARTS, Method, Stage

__all__ = ["LOSSES", "METHODS", "PARTS", "TITLES", "LossTerm", "Method", "Stage", "get_method", "loss", "title"]
