"""Jobs around a portrait: finding the person, and looking at the person. Plain values that can be pickled."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, InstanceOf, model_validator

from adapter.errors import UserError
from adapter.hub.bases import EMBEDDED, EMBEDDED_ENCODER
from adapter.hub.library import LIBRARY
from adapter.methods.checked import Checked, checked
from adapter.service.limits import PROMPT_LETTERS
from adapter.service.requests import Weight

STEP_SECONDS = 0.35
"""Of one step of an inversion on two CPU cores, roughly."""
STARTING_SECONDS = 6.0
EDIT_LIMIT = 3.0
QUICK_STEPS, STEPS, TUNING_STEPS, TEXT_EDIT_STEPS = 50, 100, 60, 60

Amount = Annotated[float, Field(ge=-EDIT_LIMIT, le=EDIT_LIMIT)]


@checked
class InvertRequest(Checked):
    """From a portrait to the person behind it.

    Args:
        portrait: uint8 [S, S, 3], see `adapter.media.portrait`.
        weight: how much each of its pixels counts, uint8 [S, S].
        folder: where the files go, and where a stop is requested, see `adapter.service.cancellation`.
        yaw, pitch: of the camera in radians to begin with; searched for where None.
        steps: of the inversion.
        tuning: steps of pivotal tuning afterwards, 0 for none.
        base, encoder: names of the generator and of the CLIP whose W+ encoder begins.
        library: path of the file that lists bases.
    """

    noun: ClassVar[str] = "this portrait"

    portrait: InstanceOf[np.ndarray]
    weight: InstanceOf[np.ndarray]
    folder: str
    yaw: float | None = None
    pitch: float | None = None
    steps: Annotated[int, Field(ge=1, le=2000)] = STEPS
    tuning: Annotated[int, Field(ge=0, le=1000)] = 0
    base: str = EMBEDDED
    encoder: str = EMBEDDED_ENCODER
    library: str = str(LIBRARY)

    @model_validator(mode="after")
    def _check_portrait(self) -> Self:
        side = self.portrait.shape[0] if self.portrait.ndim == 3 else 0
        if self.portrait.shape != (side, side, 3) or self.weight.shape != (side, side) or side < 1:
            raise UserError("A portrait must be a square picture. Crop it to the head first.")
        return self

    @property
    def seconds(self) -> float:
        """How long it takes on two CPU cores, roughly."""
        return STARTING_SECONDS + STEP_SECONDS * (self.steps + self.tuning)


@checked
class TextEditRequest(Checked):
    """An edit of a person by words; the result is another person.

    Args:
        person: path of the person's file.
        prompt: what the person is to look like.
        folder: where the files go, and where a stop is requested, see `adapter.service.cancellation`.
        steps: of the optimization.
        base, library: as in `InvertRequest`.
        encoder: name of the CLIP that reads the words; one without a vocabulary, see `adapter.service.prompts`.
    """

    noun: ClassVar[str] = "this edit"

    person: str
    prompt: Annotated[str, Field(min_length=1, max_length=PROMPT_LETTERS)]
    folder: str
    steps: Annotated[int, Field(ge=1, le=1000)] = TEXT_EDIT_STEPS
    base: str = EMBEDDED
    encoder: str = EMBEDDED_ENCODER
    library: str = str(LIBRARY)

    @property
    def seconds(self) -> float:
        """How long it takes on two CPU cores, roughly."""
        return STARTING_SECONDS + STEP_SECONDS * self.steps


@checked
class PersonRequest(Checked):
    """A picture or a video of a person who was found in a portrait.

    Args:
        person: path of the person's file.
        kind: "image" (as source and as target) or "orbit" (the same as a video).
        edits: amounts by name, in standard deviations; see `adapter.latents.directions`.
        mix: (path of a domain file, weight) of each; none shows the base twice.
        yaw, pitch: of the camera, radians from the front.
        zoom: factor of the focal length.
        folder: where a video goes; not needed for "image".
        base, library: as in `InvertRequest`.
    """

    noun: ClassVar[str] = "this view"

    person: str
    kind: Literal["image", "orbit"] = "image"
    edits: Mapping[str, Amount] = field(default_factory=dict)
    mix: Annotated[tuple[tuple[str, Weight], ...], Field(max_length=4)] = ()
    yaw: Annotated[float, Field(ge=-1, le=1)] = 0.0
    pitch: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0
    zoom: Annotated[float, Field(ge=0.6, le=2)] = 1.0
    folder: str = ""
    base: str = EMBEDDED
    library: str = str(LIBRARY)
