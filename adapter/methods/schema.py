"""Adaptation methods as data: what is trained in which stage, by which losses, on which schedule."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from adapter.errors import UserError
from adapter.methods.checked import Checked, checked
from adapter.methods.loss_terms import GUIDING, LOSSES, MAXIMUM_WEIGHT, Consistency, LossTerm, Requirement, loss

PARTS: dict[str, str] = {
    "decoder": "Tri-D, the tri-plane decoder",
    "superresolution": "G2, the super-resolution",
    "synthesis": "G1, the backbone that makes the planes",
    "background": "ours: what rays show where they hit nothing",
    "remodulation": "DoRM's second mapping, and second modulation of backbone and super-resolution",
}
"""What can be trained."""

MAXIMUM_STEPS = 10_000
Steps = Annotated[int, Field(ge=1, le=100_000)]
Decay = Annotated[float, Field(ge=0, le=0.99999)]

_FILE_OPTIONS: dict[str, Any] = {
    "layers": (),
    "centred": True,
    "side": 32,
    "points": 1024,
    "place": 0.0,
    "window": 50,
    "keep": 0.6,
    "rows": 0.39,
}
"""In files every loss carries all of these options; one that it lacks has this value."""


@checked
class Stage(Checked):
    """Steps that train some parts while the rest stays as it is.

    Args:
        name: shown to the user.
        train: names of `PARTS`, or dotted names inside them such as "superresolution.block1".
        steps: optimizer steps.
        learning_rate: Adam's rate after the warm-up.
        rates: (fragment of a parameter's name, factor of the learning rate); 0 leaves it untrained.
        fixed_density: whether the decoder's density output stays as it is, so that a stage that trains the decoder's
            last layer alone changes no shape.
        raw: whether the stage compares the raw rendering, before super-resolution, by the losses of colors alone: a
            step then takes a quarter of the time.
    """

    name: str
    train: tuple[str, ...]
    steps: Steps
    learning_rate: Annotated[float, Field(ge=1e-7, le=1)] = 0.01
    rates: tuple[tuple[str, Annotated[float, Field(ge=0, le=1000)]], ...] = ()
    fixed_density: bool = False
    raw: bool = False

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if not self.train:
            raise UserError(f"The stage {self.name!r} trains nothing. Name a part: {', '.join(PARTS)}.")
        check_parts(part.split(".")[0] for part in self.train)
        return self

    def rate(self, parameter: str) -> float:
        """Learning rate of a parameter of the parts by its dotted name; 0 if it is not trained."""
        if not any(_belongs(parameter, part) for part in self.train):
            return 0.0
        factors = [factor for fragment, factor in self.rates if fragment in parameter]
        return self.learning_rate * (factors[-1] if factors else 1.0)


def check_parts(names: Any) -> None:
    """Check names of parts.

    Raises:
        UserError: one that is not in `PARTS`.
    """
    for name in names:
        if name not in PARTS:
            raise UserError(f"There is no part named {name!r} to train. Choose from: {', '.join(PARTS)}.")


def is_remodulation(parameter: str) -> bool:
    """Whether a parameter of this dotted name belongs to a second mapping or modulation."""
    return parameter.startswith("mapping.") or ".shift." in parameter


def _belongs(parameter: str, part: str) -> bool:
    if part == "remodulation":
        return is_remodulation(parameter)
    return parameter == part or parameter.startswith(f"{part}.")


@checked
class Method(Checked):
    """Everything an adaptation needs besides the generator, the encoder and the guidance.

    Args:
        name, preset: how the method is called.
        stages: run one after the other, each from the averaged weights of the one before.
        losses: summed; a loss whose input a stage cannot change is left out there.
        pool: number of (latent, camera) pairs that are rendered and encoded once, then trained on.
        views: cameras per person of the pool. A batch holds all views of its people.
        truncation_psi: of the pool's latents.
        yaw, pitch: cameras of the pool lie within these angles of the front, in radians.
        batch: pairs per step.
        betas: of Adam.
        warmup: steps of linear warm-up at the start of each stage.
        final_rate: share of the learning rate at the end of the cosine schedule.
        ema: decay of the averaged weights, which are what is previewed and kept.
        directions: projections per step for the sliced distances.
        background: side of the map of background features that is trained, 0 for the base's own. With it the
            rays along a silhouette blend into the new background instead of into the old one.
        mirrored: also use each reference's mirror image, so that one side's light or parting does not count.
        auto_layers: StyleGAN-NADA's adaptive choice: only the layers of this many rows of W+ train, chosen anew every
            ``auto_every`` steps; 0 trains all.
        per_frame: the method changes rendered images one by one and leaves the generator alone; its single stage
            counts steps per image, and it makes no domain.
        preview_every: steps between previews.
        people: what to do instead where references guide a base of people whose faces can be read; None changes
            nothing. It has as many steps.
    """

    name: str
    preset: str
    stages: tuple[Stage, ...]
    losses: tuple[LossTerm, ...]
    pool: Annotated[int, Field(ge=1, le=4096)] = 32
    views: Annotated[int, Field(ge=1)] = 1
    truncation_psi: Annotated[float, Field(ge=0, le=2)] = 1.0
    yaw: Annotated[float, Field(ge=0, le=1.5)] = 0.45
    pitch: Annotated[float, Field(ge=0, le=1)] = 0.15
    batch: Annotated[int, Field(ge=1, le=64)] = 2
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    warmup: Annotated[int, Field(ge=0, le=100_000)] = 10
    final_rate: Annotated[float, Field(ge=0, le=1)] = 0.05
    ema: Decay = 0.95
    directions: Annotated[int, Field(ge=1, le=4096)] = 32
    background: Annotated[int, Field(ge=0, le=64)] = 0
    mirrored: bool = False
    auto_layers: Annotated[int, Field(ge=0, le=64)] = 0
    auto_every: Steps = 20
    per_frame: bool = False
    preview_every: Steps = 20
    people: "Method | None" = None

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        if not self.stages:
            raise UserError("A method needs at least one stage.")
        if not self.background and any("background" in stage.train for stage in self.stages):
            raise UserError("A stage trains the background, which this method leaves to the base. Give it a side.")
        if self.batch > self.pool or self.pool % self.views or self.batch % self.views:
            raise UserError(
                "The pool must hold a whole batch, and both must hold all views of each person. "
                "Make them multiples of the views."
            )
        return self

    @model_validator(mode="after")
    def _check_losses(self) -> Self:
        if not any(term.weight > 0 for term in self.losses):
            raise UserError("Every loss has the weight 0: nothing would be learned. Raise one of them.")
        kinds = [term.kind for term in self.losses]
        if len(set(kinds)) != len(kinds):
            raise UserError("A loss is named twice. Give each loss one weight.")
        for term in self.losses:
            if self.views < 2 and term.weight and "views" in term.requires:
                raise UserError(f"{term.kind} compares views of a person. Set the number of views to 2 or more.")
        return self

    @property
    def steps(self) -> int:
        """Steps of all stages together."""
        return sum(stage.steps for stage in self.stages)

    @property
    def takes_text(self) -> bool:
        """Whether a prompt alone can guide it."""
        return bool({"text", "distillation"} & self._requirements)

    @property
    def takes_image(self) -> bool:
        """Whether a reference image alone can guide it."""
        return "reference" in self._requirements

    @property
    def needs_inverter(self) -> bool:
        """Whether some loss uses a W+ encoder."""
        return "inverter" in self._requirements

    @property
    def _requirements(self) -> set[Requirement]:
        return {need for term in self.losses if term.weight > 0 for need in term.requires}

    def trains(self, part: str) -> bool:
        """Whether some stage trains this part of `PARTS`, or something inside it."""
        return any(name.split(".")[0] == part for stage in self.stages for name in stage.train)

    def weight(self, kind: str) -> float:
        """Weight of a loss; of the one for people if only they have it, 0 if the method has none of that name."""
        own = sum(term.weight for term in self.losses if term.kind == kind)
        return own or (self.people.weight(kind) if self.people else 0)

    def active_losses(self, available: set[Requirement]) -> tuple[LossTerm, ...]:
        """The losses with a weight whose requirements are available.

        Raises:
            UserError: none of them guides.
        """
        terms = tuple(term for term in self.losses if term.weight > 0 and available.issuperset(term.requires))
        if not any(GUIDING.intersection(term.requires) for term in terms):
            missing = "an image" if "reference" in available else "a text"
            raise UserError(f"The method {self.name} cannot be guided by {missing} alone. Choose another method.")
        return terms

    def with_weights(self, weights: Mapping[str, float]) -> "Method":
        """The same method with other weights for some of its losses, by name; a weight of 0 removes the loss.

        A loss that people have, too, changes for them in the same proportion.

        Raises:
            UserError: a loss that the method does not have, or a weight outside its range.
        """
        people = self.people
        terms = (*self.losses, *(people.losses if people else ()))
        self._check_names("loss", weights, [term.kind for term in terms])
        losses = tuple(dataclasses.replace(t, weight=weights.get(t.kind, t.weight)) for t in self.losses)
        if people:
            theirs = {
                term.kind: min(weights[term.kind] * term.weight / (self.weight(term.kind) or 1), MAXIMUM_WEIGHT)
                for term in people.losses
                if term.kind in weights and weights[term.kind] != self.weight(term.kind)
            }
            people = people.with_weights(theirs)
        return dataclasses.replace(self, losses=losses, people=people)

    def with_steps(self, steps: Mapping[str, int]) -> "Method":
        """The same method with other numbers of steps for some stages, by stage name; 0 removes a stage.

        Raises:
            UserError: a stage that the method does not have, or none left.
        """
        self._check_names("stage", steps, [stage.name for stage in self.stages])
        stages = ((stage, steps.get(stage.name, stage.steps)) for stage in self.stages)
        kept = tuple(dataclasses.replace(stage, steps=count) for stage, count in stages if count != 0)
        people = self.people and self.people.with_steps(steps)
        return dataclasses.replace(self, stages=kept, people=people)

    def _check_names(self, what: str, given: Mapping[str, Any], own: Sequence[str]) -> None:
        for name in given:
            if name not in own:
                raise UserError(f"{self.name} has no {what} named {name!r}. It has: {', '.join(own)}.")

    def of_length(self, steps: int, preset: str | None = None) -> "Method":
        """The same method with that many steps in all; stages, previews and L_scc's window keep their shares.

        Raises:
            UserError: fewer steps than stages, or more than 10,000.
        """
        if isinstance(steps, bool) or not isinstance(steps, int) or not len(self.stages) <= steps <= MAXIMUM_STEPS:
            raise UserError(f"The number of steps must be a whole number from {len(self.stages)} to {MAXIMUM_STEPS}.")
        share, left = steps / self.steps, steps
        counts: dict[str, int] = {}
        for waiting, stage in zip(reversed(range(len(self.stages))), self.stages, strict=True):
            counts[stage.name] = max(1, min(round(share * stage.steps), left - waiting)) if waiting else left
            left -= counts[stage.name]

        def scaled(term: LossTerm) -> LossTerm:
            if not isinstance(term, Consistency):
                return term
            return dataclasses.replace(term, window=max(1, round(share * term.window)))

        return dataclasses.replace(
            self.with_steps(counts),
            preset=preset or self.preset,
            preview_every=max(1, round(share * self.preview_every)),
            losses=tuple(map(scaled, self.losses)),
            people=self.people and self.people.of_length(steps, preset),
        )

    def to_dict(self) -> dict[str, Any]:
        """The method as plain JSON values."""
        values = dataclasses.asdict(dataclasses.replace(self, people=None))
        losses = [
            {"kind": term.kind, "weight": term.weight, **_FILE_OPTIONS, **dataclasses.asdict(term)}
            for term in self.losses
        ]
        return {**values, "losses": losses, "people": self.people and self.people.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Method":
        """Build a method from plain JSON values.

        Raises:
            UserError: a key is unknown or missing, or a value is out of range or of the wrong kind.
        """
        try:
            given = dict(values)
            stages = tuple(_stage(stage) for stage in given.pop("stages"))
            losses = tuple(_loss(**term) for term in given.pop("losses"))
            people = given.pop("people", None)
            if "betas" in given:
                given["betas"] = tuple(given["betas"])
            return cls(stages=stages, losses=losses, people=people and cls.from_dict(people), **given)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"The settings of the method cannot be used ({error}).") from error


def _stage(values: Mapping[str, Any]) -> Stage:
    rates = tuple((fragment, factor) for fragment, factor in values.get("rates", ()))
    return Stage(**{**values, "train": tuple(values["train"]), "rates": rates})


def _loss(kind: str, weight: float, **options: Any) -> LossTerm:
    fields = {field.name for field in dataclasses.fields(LOSSES[kind])} if kind in LOSSES else set()
    return loss(kind, weight, **{key: v for key, v in options.items() if key in fields or key not in _FILE_OPTIONS})
