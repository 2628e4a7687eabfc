"""From a failed check by pydantic to one sentence for the user."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

_MESSAGES = {
    "missing": "is missing",
    "missing_argument": "is missing",
    "extra_forbidden": "does not exist",
    "unexpected_keyword_argument": "does not exist",
}
_LENGTHS = {"string_too_long": "letters", "too_long": "items"}
_SHOWN = 60
"""Letters of a wrong value that a sentence repeats."""


def sentence(error: ValidationError, what: str = "", fields: Sequence[str] = ()) -> str:
    """The first problem of a failed validation as a sentence.

    Args:
        what: the thing that was checked, such as "the stage".
        fields: names of its fields, for values that were given by position.
    """
    first = error.errors(include_url=False)[0]
    place = [fields[part] if isinstance(part, int) and part < len(fields) else str(part) for part in first["loc"][:1]]
    field = " ".join([*place, *map(str, first["loc"][1:])]).replace("_", " ")
    subject = f"The {field or 'value'}" + (f" of {what}" if what else "")
    if first["type"] in _MESSAGES:
        return f"{subject} {_MESSAGES[first['type']]}."
    if first["type"] in _LENGTHS:
        return (
            f"{subject} may have at most {first['ctx']['max_length']} {_LENGTHS[first['type']]}, not {_length(first)}."
        )
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{subject} {message[:1].lower() + message[1:]}, not {_shortened(first['input'])}."


def _length(error: Mapping[str, Any]) -> int:
    return error["ctx"].get("actual_length") or len(error["input"])


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
