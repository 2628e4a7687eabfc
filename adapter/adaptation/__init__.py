"""From a reference or a prompt to a domain: the loop, the losses' objective, and the domain file."""

from adapter.adaptation.checkpoint import TrainingState
from adapter.adaptation.domain import Domain, DomainMetadata, blend, fingerprint
from adapter.adaptation.guidance import Guidance, text_guidance
from adapter.adaptation.loop import FAILED, FINISHED, PREPARING, Event, RunOptions, adapt
from adapter.adaptation.stylize import stylize_frames

__all__ = [
    "FAILED",
    "FINISHED",
    "PREPARING",
    "Domain",
    "DomainMetadata",
    "Event",
    "Guidance",
    "RunOptions",
    "TrainingState",
    "adapt",
    "blend",
    "fingerprint",
    "stylize_frames",
    "text_guidance",
]
