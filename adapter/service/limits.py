"""What a job may ask for: one set of limits for the page, the API and the command line. Loads no torch."""

SEEDS = 2**31
"""Seeds are from 0 to one less."""
PROMPT_LETTERS = 300
WORDS_LETTERS = 100
"""Of what the base shows, and of what to stay away from."""
MAXIMUM_REFERENCES = 8


def duration(seconds: float) -> str:
    """Seconds in words: in minutes from 100 s on."""
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 100 else f"{round(whole / 60)} min"
