"""What the app is started with: read once from the environment, checked, and passed down."""

import os
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FilePath, ValidationError

from adapter.errors import UserError
from adapter.hub.bases import EMBEDDED, EMBEDDED_ENCODER, choose_base, prepare
from adapter.hub.library import LIBRARY
from adapter.utils.validation import sentence

_VARIABLES = {
    "base": "BASE",
    "encoder": "ENCODER",
    "library": "LIBRARY",
    "host": "GRADIO_SERVER_NAME",
    "port": "GRADIO_SERVER_PORT",
    "space": "SPACE_ID",
    "oauth": "OAUTH_CLIENT_ID",
}


class Settings(BaseModel):
    """The app's settings.

    Args:
        base, encoder: names of the generator and of the CLIP.
        library: the file that lists bases and domains.
        host, port: where the page is served.
        space: id of the Hugging Face Space that the app runs on; empty elsewhere.
        oauth: id under which a Space's visitors log in; empty if they cannot.
    """

    model_config = ConfigDict(frozen=True)

    base: Annotated[str, Field(min_length=1)] = EMBEDDED
    encoder: Annotated[str, Field(min_length=1)] = EMBEDDED_ENCODER
    library: FilePath = LIBRARY
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 7860
    space: str = ""
    oauth: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from environment variables; one that is missing or blank leaves the default.

        Raises:
            UserError: a value cannot be used; the message names the variable.
        """
        given = {name: environment.get(variable, "").strip() for name, variable in _VARIABLES.items()}
        given = {name: value for name, value in given.items() if value}
        if "space" in given:
            given.setdefault("host", "0.0.0.0")
        try:
            return cls(**given)  # type: ignore[arg-type]  # pydantic converts the text
        except ValidationError as error:
            variable = _VARIABLES[str(error.errors()[0]["loc"][0])]
            raise UserError(f"{sentence(error)} Set the variable {variable}, or leave it out.") from error

    @property
    def has_login(self) -> bool:
        """Whether visitors can log in to Hugging Face on the page."""
        return bool(self.space and self.oauth)

    def with_available_base(self, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The same with a base that is on this machine, downloaded if need be; prints which one and why.

        A library of one's own names its base itself.
        """
        if self.library != LIBRARY:
            return self
        choice = prepare(choose_base(environment))
        print(f"Base {choice.base}, read by {choice.encoder}. {choice.reason}")
        return self.model_copy(update={"base": choice.base, "encoder": choice.encoder})
