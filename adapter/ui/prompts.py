"""Prompts that are known to work, for the chips and for empty boxes."""

PROMPTS = (
    "a bronze statue",
    "a marble bust",
    "a zombie",
    "a pencil sketch",
    "a watercolor painting",
    "a painting by van gogh",
    "a cartoon",
    "a jade statue",
    "a neon sign",
    "a wooden carving",
)
