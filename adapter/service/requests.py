"""What goes into a job and what comes out of it: plain values that can be pickled."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adapter.methods.offers import BASE, DEFAULT_METHOD, DEFAULT_PRESET, ENCODER, plan, work
from adapter.methods.schema import Method

SOURCE = "photo"
TRUNCATION = 0.7
LOADING, RENDERING, WRITING, DONE = "Loading", "Rendering the orbit", "Writing the files", "Done"
IMAGE, ORBIT, GRID, WALK = "image", "orbit", "grid", "walk"


@dataclass(frozen=True)
class AdaptRequest:
    """One adaptation, from style images or words to the files.

    Args:
        references: square pictures uint8 [S, S, 3] of one style; none where words lead.
        folder: where the files go, and where a file named `STOP` asks the job to stop.
        prompt: the wanted style in words, empty where pictures lead.
        source: what the base shows, in words; the prompt is understood as a change of this.
        from_mean: take the prompt as a change of the base's mean picture, not of ``source``.
        words_alone: leave out the album's picture that leads beside the words, see `adapter.encoders.style_examples`.
        negative: what to stay away from, in words.
        method, preset: what is run, see `adapter.methods.offers.presets`.
        weights, steps, parts: changes to it, see `adapter.methods.offers.plan`.
        seed: of the adaptation.
        strength: of the domain in the pictures and videos; the domain file does not depend on it.
        truncation: psi of the people that are shown.
        people: how many people the videos show.
        cast: which people.
        base, encoder: names of the generator and of the CLIP.
    """

    references: tuple[np.ndarray, ...]
    folder: str
    prompt: str = ""
    source: str = SOURCE
    from_mean: bool = False
    words_alone: bool = False
    negative: str = ""
    method: str = DEFAULT_METHOD
    preset: str = DEFAULT_PRESET
    weights: Mapping[str, float] = field(default_factory=dict)
    steps: int | None = None
    parts: tuple[str, ...] | None = None
    seed: int = 0
    strength: float = 1.0
    truncation: float = TRUNCATION
    people: int = 3
    cast: int = 2
    base: str = BASE
    encoder: str = ENCODER

    @property
    def plan(self) -> Method:
        """The method with this request's changes.

        Raises:
            UserError: it cannot be had.
        """
        return plan(self.method, self.preset, self.weights, self.steps, self.parts)

    @property
    def gpu_seconds(self) -> int:
        """Seconds of a GPU to ask for: 20 to load and render, and 0.05 a training step."""
        return math.ceil(20 + 0.05 * work(self.plan))


@dataclass(frozen=True)
class PresentRequest:
    """All pictures and videos of a domain that is there already.

    Args:
        domain: path of the domain file.
        folder, strength, truncation, people, cast, base: as in `AdaptRequest`.
    """

    domain: str
    folder: str
    strength: float = 1.0
    truncation: float = TRUNCATION
    people: int = 3
    cast: int = 2
    base: str = BASE

    @property
    def gpu_seconds(self) -> int:
        """Seconds of a GPU to ask for."""
        return 20


@dataclass(frozen=True)
class ExploreRequest:
    """One picture or video of any mixture of domains.

    Args:
        kind: `IMAGE` (one person as source and target), `ORBIT` (the same as a video), `GRID` (several people) or
            `WALK` (a video from person to person).
        mix: (path of a domain file, weight) of each; none shows the base twice.
        seed: which person, or which people.
        truncation: psi.
        yaw, pitch: of the camera, radians from the front.
        zoom: factor of the focal length.
        count: people of a grid or a walk.
        folder: where a file goes; not needed for `IMAGE`.
        base: name of the generator.
    """

    kind: str = IMAGE
    mix: tuple[tuple[str, float], ...] = ()
    seed: int = 0
    truncation: float = TRUNCATION
    yaw: float = 0.0
    pitch: float = 0.0
    zoom: float = 1.0
    count: int = 6
    folder: str = ""
    base: str = BASE

    @property
    def gpu_seconds(self) -> int:
        """Seconds of a GPU to ask for."""
        return {IMAGE: 3, GRID: 6}.get(self.kind, 15)


Request = AdaptRequest | PresentRequest | ExploreRequest


@dataclass(frozen=True)
class Snapshot:
    """How far an adaptation was at some step.

    Args:
        step: of the training.
        domain: path of the domain as it was.
        preview: path of a picture of the same people as source and target.
    """

    step: int
    domain: str
    preview: str


@dataclass(frozen=True)
class AdaptResult:
    """Paths of the files of a finished or stopped job.

    Args:
        domain: the domain, safetensors; None where the method works on every frame by itself.
        grid: several people and views, source rows above target rows, PNG.
        before, after: one person as source and as target, PNG.
        orbit: all people side by side, MP4; None where the job was stopped before it was rendered.
        people: one MP4 for each person; none where there is no orbit.
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
class Update:
    """Where a job stands.

    Args:
        stage: what it is doing, in words.
        step, total: of this stage's count; for training, steps over all stages.
        seconds_left: to the very end, estimated; None while unknown.
        fraction: share of the whole job done, 0 to 1, estimated.
        preview: sheet uint8 [H, W, 3] of the same people as source and as target; None where nothing is new. For
            `IMAGE`, the two pictures [2, S, S, 3].
        message: a sentence for the user where there is something to say.
        losses: weighted losses of this step by kind, and their "total"; empty where nothing is trained.
        result: the files of an adaptation, in the last update.
        file: the file of an exploration, in the last update.
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
    file: str = ""
    error: str = ""


def gpu_seconds(request: Request, *_: Any, **__: Any) -> int:
    """Seconds of a GPU to ask for, before a job is scheduled."""
    return request.gpu_seconds


def settings_of(request: AdaptRequest) -> dict[str, Any]:
    """What made a result, as plain JSON values, without the pictures and the folder."""
    values = {item.name: getattr(request, item.name) for item in dataclasses.fields(request)}
    for key in ("references", "folder", "people", "cast"):
        values.pop(key)
    return {**values, "weights": dict(request.weights), "parts": list(request.parts) if request.parts else None}
