"""From a reference to a domain: methods as data, the loop, and the domain file."""

from adapter.adaptation.domain import Domain, DomainMetadata, blend, fingerprint
from adapter.adaptation.guidance import Guidance, text_guidance
from adapter.adaptation.loop import FAILED, FINISHED, PREPARING, Event, adapt
from adapter.adaptation.methods import LOSSES, PARTS, LossTerm, Method, Stage
from adapter.adaptation.pairing import Pairing
from adapter.adaptation.recipes import METHODS, TITLES, get_method, title
from adapter.adaptation.state import TrainingState

__all__ = [
    "FAILED",
    "FINISHED",
    "LOSSES",
    "METHODS",
    "PARTS",
    "PREPARING",
    "TITLES",
    "Domain",
    "DomainMetadata",
    "Event",
    "Guidance",
    "LossTerm",
    "Method",
    "Pairing",
    "Stage",
    "TrainingState",
    "adapt",
    "blend",
    "fingerprint",
    "get_method",
    "text_guidance",
    "title",
]
