"""What goes into a job and what comes out of it: plain values that can be pickled."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol, Self

import numpy as np
from pydantic import Field, InstanceOf, model_validator

from adapter.errors import UserError
from adapter.hub.bases import EMBEDDED, EMBEDDED_ENCODER
from adapter.hub.library import LIBRARY
from adapter.methods.checked import Checked, checked
from adapter.methods.offers import DEFAULT_METHOD, TRUNCATION_PSI, customize, default_preset
from adapter.methods.schema import Method
from adapter.service.limits import MAXIMUM_REFERENCES, PROMPT_LETTERS, SEEDS, WORDS_LETTERS

SOURCE = "photo"
LOADING, RENDERING, WRITING, DONE = "Loading", "Rendering the orbit", "Writing the files", "Done"
INVERTING, TUNING, EDITING = "Inverting", "Tuning", "Editing"
IMAGE: Final = "image"
ORBIT: Final = "orbit"
GRID: Final = "grid"
WALK: Final = "walk"
VIEWS: Final = "views"

Seed = Annotated[int, Field(ge=0, lt=SEEDS)]
Words = Annotated[str, Field(max_length=WORDS_LETTERS)]
Strength = Annotated[float, Field(ge=0, le=2)]
Truncation = Annotated[float, Field(ge=0, le=1.5)]
Weight = Annotated[float, Field(ge=-2, le=2)]


@checked
class AdaptRequest(Checked):
    """One adaptation, from style images or words to the files.

    Args:
        references: square pictures uint8 [S, S, 3] of one style, see `adapter.media.crop.read_reference`; none if words
            guide.
        folder: where the files go, and where a stop is requested, see `adapter.service.cancellation`.
        prompt: the style in words, empty if pictures guide.
        source: what the base shows, in words; the prompt is understood as a change of this.
        from_mean: take the prompt as a change of the base's mean picture, not of ``source``.
        words_alone: leave out the album's picture that guides beside the words, see `adapter.encoders.style_examples`.
        negative: what to keep away from, in words.
        reference_from_text: a diffusion model that draws the reference from the prompt; empty for none.
        method, preset: see `adapter.methods.offers.presets`; the method's default where the preset is empty.
        weights, steps, parts: changes to the method, see `adapter.methods.offers.customize`.
        seed: of the adaptation.
        strength: of the domain in the pictures and videos; the domain file does not depend on it.
        truncation: psi of the people that are shown.
        people: number of people in the videos.
        cast: seed of the people that are shown.
        base, encoder: names of the generator and of the CLIP.
        library: path of the file that lists bases.

    Raises:
        UserError: a value is out of its range, or neither pictures nor words are there for the method.
    """

    noun: ClassVar[str] = "this job"

    references: Annotated[tuple[InstanceOf[np.ndarray], ...], Field(max_length=MAXIMUM_REFERENCES)]
    folder: str
    prompt: Annotated[str, Field(max_length=PROMPT_LETTERS)] = ""
    source: Words = SOURCE
    from_mean: bool = False
    words_alone: bool = False
    negative: Words = ""
    reference_from_text: str = ""
    method: str = DEFAULT_METHOD
    preset: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    steps: int | None = None
    parts: tuple[str, ...] | None = None
    seed: Seed = 0
    strength: Strength = 1.0
    truncation: Truncation = TRUNCATION_PSI
    people: Annotated[int, Field(ge=1, le=12)] = 3
    cast: Seed = 2
    base: str = EMBEDDED
    encoder: str = EMBEDDED_ENCODER
    library: str = str(LIBRARY)

    @model_validator(mode="after")
    def _check_guidance(self) -> Self:
        if not self.preset:
            object.__setattr__(self, "preset", default_preset(self.method, self.encoder))
        method = self.customized
        if not self.references and not self.prompt.strip():
            raise UserError("Choose a style image or write a prompt first.")
        pictures = self.references or self.reference_from_text
        if not pictures and not method.takes_text:
            raise UserError(
                f"{method.name} learns from pictures. Add a style image, or choose a method that takes words."
            )
        if not self.prompt.strip() and not (method.takes_image or method.per_frame):
            raise UserError(f"{method.name} learns from words. Write a prompt, or choose a method that takes pictures.")
        return self

    @property
    def customized(self) -> Method:
        """The method with this request's changes.

        Raises:
            UserError: unknown names, or values out of range.
        """
        return customize(self.method, self.preset, self.weights, self.steps, self.parts, self.encoder)

    def settings(self) -> dict[str, Any]:
        """What makes the result, as plain JSON values, without the pictures and the folder."""
        left_out = ("references", "folder", "people", "cast", "library")
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self) if item.name not in left_out}
        return {**values, "weights": dict(self.weights), "parts": list(self.parts) if self.parts else None}


@checked
class RenderRequest(Checked):
    """All pictures and videos of a domain that exists already.

    Args:
        domain: path of the domain file.
        folder, strength, truncation, people, cast, base, library: as in `AdaptRequest`.
    """

    noun: ClassVar[str] = "this job"

    domain: str
    folder: str
    strength: Strength = 1.0
    truncation: Truncation = TRUNCATION_PSI
    people: Annotated[int, Field(ge=1, le=12)] = 3
    cast: Seed = 2
    base: str = EMBEDDED
    library: str = str(LIBRARY)


@checked
class ExploreRequest(Checked):
    """One picture or video of any mixture of domains.

    Args:
        kind: `IMAGE` (one person as source and target), `ORBIT` (the same as a video), `VIEWS` (the same from the sides
            of `adapter.service.view_grid`), `GRID` (several people) or `WALK` (a video from person to person).
        mix: (path of a domain file, weight) of each; none shows the base twice.
        seed: of the person, or of the people.
        truncation: psi.
        yaw, pitch: of the camera, radians from the front; `VIEWS` have their own.
        zoom: factor of the focal length.
        count: people of a grid or a walk.
        folder: where a file goes; not needed for `IMAGE` and `VIEWS`.
        base, library: as in `AdaptRequest`.
    """

    noun: ClassVar[str] = "this view"

    kind: Literal["image", "orbit", "grid", "walk", "views"] = "image"
    mix: Annotated[tuple[tuple[str, Weight], ...], Field(max_length=4)] = ()
    seed: Seed = 0
    truncation: Truncation = TRUNCATION_PSI
    yaw: Annotated[float, Field(ge=-1, le=1)] = 0.0
    pitch: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0
    zoom: Annotated[float, Field(ge=0.6, le=2)] = 1.0
    count: Annotated[int, Field(ge=2, le=12)] = 6
    folder: str = ""
    base: str = EMBEDDED
    library: str = str(LIBRARY)


@dataclass(frozen=True)
class Snapshot:
    """An adaptation at some step.

    Args:
        step: of the training.
        domain: path of the domain at that step.
        preview: path of a picture of the same people as source and as target.
    """

    step: int
    domain: str
    preview: str


@dataclass(frozen=True)
class AdaptResult:
    """Paths of the files of a finished or stopped job.

    Args:
        domain: the domain, safetensors; None for a method that works on every frame by itself.
        grid: several people and views, source rows above target rows, PNG.
        before, after: one person as source and as target, PNG.
        orbit: all people side by side, MP4; None if the job was stopped before it was rendered.
        people: one MP4 for each person; none without an orbit.
        steps: steps done.
        settings: what made it, as plain JSON values.
        snapshots: earlier states, in order.
    """

    domain: str | None
    grid: str
    before: str
    after: str
    orbit: str | None
    people: tuple[str, ...]
    steps: int
    settings: dict[str, Any]
    snapshots: tuple[Snapshot, ...] = ()


@dataclass(frozen=True)
class InvertResult:
    """Paths and numbers of a finished or stopped inversion.

    Args:
        person: the person's file.
        portrait, render: the portrait's square, and the person from the same side, PNG.
        yaw, pitch: of the portrait's camera in radians from the front.
        steps: steps done.
        distance: LPIPS (AlexNet) of portrait and render.
        words: of an edit by words; the person before then stands in the portrait's place.
    """

    person: str
    portrait: str
    render: str
    yaw: float
    pitch: float
    steps: int
    distance: float
    words: str = ""


class Rendered(Protocol):
    """What a job rendered and still has to be written; it is pickled on its way from a worker."""

    def write(self, folder: Path) -> bool:
        """Write the files into the job's folder; whether there are videos among them."""


@dataclass(frozen=True)
class Update:
    """The state of a job.

    Args:
        stage: what it is doing, in words.
        step, total: of this stage's count; for training, steps over all stages.
        seconds_left: to the very end, estimated; None while unknown.
        fraction: share of the whole job done, 0 to 1, estimated.
        preview: sheet uint8 [H, W, 3] of the same people as source and as target; None if nothing is new. For `IMAGE`,
            the two pictures [2, S, S, 3]; for `VIEWS`, the sheet of `adapter.service.view_grid`.
        message: a sentence for the user if there is something to say.
        losses: weighted losses of this step by kind, and their "total"; empty outside of training.
        result: the files of an adaptation, in the last update.
        found: the files of an inversion, in the last update.
        file: the file of an exploration, in the last update.
        files: the files of meshes, in the last update: GLB of source and target, then PLY of both.
        rendered: what is written when the worker has ended; seen by `adapter.service.jobs` alone.
        error: a sentence for the user; nothing follows it.
    """

    stage: str
    step: int = 0
    total: int = 0
    seconds_left: float | None = None
    fraction: float = 0.0
    preview: np.ndarray | None = None
    message: str = ""
    losses: dict[str, float] = field(default_factory=dict)
    result: AdaptResult | None = None
    found: InvertResult | None = None
    file: str = ""
    files: tuple[str, ...] = ()
    rendered: Rendered | None = None
    error: str = ""
