"""Frozen dataclasses that pydantic checks, and whose errors are sentences for the user."""

import dataclasses
from typing import Any, dataclass_transform

from pydantic import ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from adapter.errors import UserError
from adapter.utils.validation import sentence

_CONFIG = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


@dataclass_transform(frozen_default=True)
def checked(cls: type) -> Any:
    """Make a class a frozen dataclass whose fields are checked; numbers must be finite and of their own kind."""
    return dataclass(frozen=True, config=_CONFIG)(cls)


@checked
class Checked:
    """What these classes share: a value that does not fit raises a `UserError`."""

    @model_validator(mode="wrap")
    @classmethod
    def _sentence(cls, values: Any, handler: ModelWrapValidatorHandler["Checked"]) -> "Checked":
        try:
            return handler(values)
        except ValidationError as error:
            what = getattr(cls, "noun", "") or getattr(cls, "kind", "") or f"the {cls.__name__.lower()}"
            names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]  # subclasses are dataclasses
            raise UserError(sentence(error, what, names)) from error
