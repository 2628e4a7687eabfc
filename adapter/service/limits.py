"""What a job may ask for: one set of limits for the page, the API and the command line. Loads no torch."""

from adapter.errors import UserError
from adapter.methods.offers import DEFAULT_ENCODER, customize
from adapter.methods.schema import MAXIMUM_STEPS
from adapter.service.time_left import OUTPUT_SECONDS, adaptation_seconds

SEEDS = 2**31
"""Seeds are from 0 to one less."""
PROMPT_LETTERS = 300
WORDS_LETTERS = 100
"""Of what the base shows, and of what to stay away from."""
MAXIMUM_REFERENCES = 8
_FEWEST_STEPS = 10


def check_duration(
    method: str,
    preset: str,
    steps: int | None = None,
    encoder: str = DEFAULT_ENCODER,
    longest: float | None = None,
) -> float:
    """Seconds that an adaptation takes with its pictures and videos on 2 CPU cores, roughly.

    Args:
        method, preset, steps, encoder: see `adapter.methods.offers.customize`.
        longest: seconds that it may take; None for any time.

    Raises:
        UserError: it would take longer, or there is no such method or preset; names the steps that would fit.
    """
    seconds = adaptation_seconds(method, preset, steps, encoder)
    if longest is None or seconds <= longest:
        return seconds
    training, used = seconds - OUTPUT_SECONDS, customize(method, preset, None, steps, encoder=encoder).steps
    fitting = min(MAXIMUM_STEPS, int(used * (longest - OUTPUT_SECONDS) / training))
    advice = f"Choose at most {fitting} steps." if fitting >= _FEWEST_STEPS else "Choose another method."
    raise UserError(f"{used} steps take about {duration(seconds)}, and a job may take {duration(longest)}. {advice}")


def duration(seconds: float) -> str:
    """Seconds in words: in minutes from 100 s on."""
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 100 else f"{round(whole / 60)} min"
