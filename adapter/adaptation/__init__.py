"""From a reference or a prompt to a domain: methods as data, the loop, and the domain file.

Names are looked up when they are used: the page reads methods and must not wait for torch.
"""

import importlib
from typing import Any

_HOMES = {
    "domain": ("Domain", "DomainMetadata", "blend", "fingerprint"),
    "guidance": ("Guidance", "text_guidance"),
    "loop": ("FAILED", "FINISHED", "PREPARING", "Event", "adapt"),
    "methods": ("LOSSES", "PARTS", "LossTerm", "Method", "Stage"),
    "pairing": ("Pairing",),
    "recipes": ("METHODS", "TITLES", "get_method", "title"),
    "state": ("TrainingState",),
    "stylize": ("stylize_frames",),
}

__all__ = [name for names in _HOMES.values() for name in names]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
