"""The target domains of the evaluation, by name of their procedural style."""

from collections.abc import Iterable

from adapter.errors import UserError

TUNING = ("bronze", "jade", "zombie", "toon", "watercolour", "neon", "pencil sketch", "oil painting")
"""Domains on which weights and defaults may be chosen."""
HELD_OUT = ("porcelain", "charcoal", "orc", "thermal camera")
"""Domains that no weight or default is chosen on; ranks and goals are computed over these alone."""
DOMAINS = TUNING + HELD_OUT
QUICK = HELD_OUT[:3]
"""Domains of the quick form."""
_GROUPS = {"tuning": TUNING, "held-out": HELD_OUT, "all": DOMAINS, "quick": QUICK}


def choose_domains(names: Iterable[str]) -> tuple[str, ...]:
    """Domains by name, or by group: "tuning", "held-out", "all", "quick"; each once, in the order given.

    Raises:
        UserError: an unknown name; the message lists the known ones.
    """
    chosen: dict[str, None] = {}
    for name in names:
        if name not in _GROUPS and name not in DOMAINS:
            known = ", ".join([*_GROUPS, *DOMAINS])
            raise UserError(f"There is no domain named {name!r}. Choose from: {known}.")
        chosen |= dict.fromkeys(_GROUPS.get(name, (name,)))
    return tuple(chosen)
