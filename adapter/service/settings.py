"""What the app is started with: read once from the environment, checked, and passed down."""

import os
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FilePath, ValidationError, field_validator

from adapter.errors import UserError
from adapter.hub.bases import EMBEDDED, EMBEDDED_ENCODER, choose_base, prepare
from adapter.hub.download import Progress
from adapter.hub.library import LIBRARY
from adapter.utils.ports import first_free
from adapter.utils.validation import sentence

_VARIABLES = {
    "base": ("BASE",),
    "encoder": ("ENCODER",),
    "library": ("LIBRARY",),
    "host": ("GRADIO_SERVER_NAME",),
    "port": ("GRADIO_SERVER_PORT", "PORT"),
    "space": ("SPACE_ID",),
    "oauth": ("OAUTH_CLIENT_ID",),
    "longest_job": ("LONGEST_JOB_SECONDS",),
    "grace": ("GRACE_SECONDS",),
    "ports": ("GRADIO_NUM_PORTS",),
}
"""Where each setting is read: the first variable that is not blank."""
_LONG = {"Downloading", "Reading"}
"""First words of what `fetch` tells while it takes long."""


_NUMBERS_OF_GRADIO = (
    "GRADIO_ANALYTICS_CACHE_FREQUENCY",
    "GRADIO_ANALYTICS_MAX_EVENTS",
    "GRADIO_DEBUG",
    "GRADIO_NODE_NUM_PORTS",
    "GRADIO_NODE_SERVER_PORT",
    "GRADIO_NUM_WORKERS",
)
"""Read by Gradio itself, some when it is imported, without a check."""


class Settings(BaseModel):
    """The app's settings.

    Args:
        base, encoder: names of the generator and of the CLIP.
        library: the file that lists bases and domains.
        host, port: where the page is served. Port 0 is any free one; if none is given, the first free one from 7860.
        space: id of the Hugging Face Space that the app runs on; empty elsewhere.
        oauth: id under which a Space's visitors log in; empty if they cannot.
        longest_job: seconds that a visitor's adaptation may take, as estimated for the GPU, or without one for 2 CPU
            cores. The command line has no such limit.
        grace: seconds for which a visitor's files and jobs are kept after the visitor has left.
        ports: how many are tried, from the default one on.
    """

    model_config = ConfigDict(frozen=True)

    base: Annotated[str, Field(min_length=1)] = EMBEDDED
    encoder: Annotated[str, Field(min_length=1)] = EMBEDDED_ENCODER
    library: FilePath = LIBRARY
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 7860
    space: str = ""
    oauth: str = ""
    longest_job: Annotated[float, Field(ge=60, le=86_400)] = 600.0
    grace: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    ports: Annotated[int, Field(ge=1, le=1000)] = 100

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from environment variables; one that is missing or blank leaves the default.

        Raises:
            UserError: a value cannot be used; the message names the variable.
        """
        read = {name: _first(environment, variables) for name, variables in _VARIABLES.items()}
        given = {name: value for name, (_, value) in read.items() if value}
        for variable in _NUMBERS_OF_GRADIO:
            value = environment.get(variable, "").strip()
            if value and not value.isdecimal():
                raise UserError(f"{variable} must be a whole number, not {value!r}. Set it to one, or leave it out.")
        if "space" in given or read["port"][0] == "PORT":
            given.setdefault("host", "0.0.0.0")
        try:
            return cls(**given)  # type: ignore[arg-type]  # pydantic converts the text
        except ValidationError as error:
            variable = read[str(error.errors()[0]["loc"][0])][0]
            raise UserError(f"{sentence(error)} Set the variable {variable}, or leave it out.") from error

    @field_validator("host")
    @classmethod
    def _in_brackets(cls, host: str) -> str:
        """An IPv6 address as it is written in URLs, which is what Gradio expects."""
        return f"[{host}]" if ":" in host and not host.startswith("[") else host

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
        choice = prepare(choose_base(environment), _printed())
        print(f"Base {choice.base}, read by {choice.encoder}. {choice.reason}")
        return self.model_copy(update={"base": choice.base, "encoder": choice.encoder})

    def with_free_port(self) -> "Settings":
        """The same with a port that is free; prints which one if it is not the default.

        Raises:
            UserError: the chosen port is taken, or nothing can listen on the host.
        """
        is_chosen = "port" in self.model_fields_set
        ports = [self.port] if is_chosen else range(self.port, min(self.port + self.ports, 65536))
        port = first_free(self.host.strip("[]"), ports)
        if port is None:
            which = f"Port {self.port} is" if len(ports) == 1 else f"Ports {self.port} to {ports[-1]} are"
            raise UserError(f"{which} taken, or not allowed. Set GRADIO_SERVER_PORT to another port, or 0 for any.")
        if port != self.port:
            print(f"The page is served on port {port}" + ("." if is_chosen else f", because {self.port} is taken."))
        return self.model_copy(update={"port": port})


def _first(environment: Mapping[str, str], variables: Sequence[str]) -> tuple[str, str]:
    """The first variable that is not blank, and its value; the first one and nothing if all are."""
    values = ((variable, environment.get(variable, "").strip()) for variable in variables)
    return next((found for found in values if found[1]), (variables[0], ""))


def _printed() -> Progress:
    """Prints what takes long, once: a download, with how much is here already, and its conversion."""
    begun: set[str] = set()

    def tell(share: float, text: str) -> None:
        doing = text.partition(" ")[0]
        if doing in _LONG - begun:
            begun.add(doing)
            print(f"{text} ({share:.0%}).", flush=True)

    return tell
