"""From a reference to a domain: methods as data, the loop, and the domain file."""

from adapter.adaptation.domain import Domain, DomainMetadata, blend, fingerprint
from adapter.adaptation.loop import FAILED, FINISHED, PREPARING, Event, adapt
from adapter.adaptation.methods import LOSSES, METHODS, LossTerm, Method, Stage, get_method
from adapter.adaptation.state import TrainingState

__all__ = [
    "FAILED",
    "FINISHED",
    "LOSSES",
    "METHODS",
    "PREPARING",
    "Domain",
    "DomainMetadata",
    "Event",
    "LossTerm",
    "Method",
    "Stage",
    "TrainingState",
    "adapt",
    "blend",
    "fingerprint",
    "get_method",
]
