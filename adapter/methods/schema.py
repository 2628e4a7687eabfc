"""Adaptation methods as data: what is trained in which stage, by which losses, on which schedule."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapter.errors import UserError

PARTS: dict[str, str] = {
    "decoder": "Tri-D, the tri-plane decoder",
    "superresolution": "G2, the super-resolution",
    "synthesis": "G1, the backbone that makes the planes",
    "background": "ours: what rays see where they hit nothing",
    "remodulation": "DoRM's second mapping, and second modulation of backbone and super-resolution",
}
"""What can be trained."""

LOSSES: dict[str, str] = {
    "directional": "L_dir: the CLIP edit points from the source's mean to the reference",
    "token_distribution": "L_dis: tokens are distributed as the reference's",
    "image_structure": "L_I-str: an image keeps its source's self-similarity",
    "feature_structure": "L_F-str: rendered features keep their source's self-similarity",
    "colour_distribution": "ours: colours are distributed as the reference's",
    "shallow_distribution": "ours: shallow tokens are distributed as the reference's",
    "analogy": "ours: a place has the reference's colours of like places, found by way of the reference's twin",
    "background_colour": "ours: where sources show background, colours are as at that place of the reference",
    "background_variation": "ours: where sources show background, colours are smooth up to the silhouette",
    "view_consistency": "ours: two views of a person have the same colours where they show the same place",
    "moments": "ours: tokens have the reference's mean and covariance",
    "text_directional": "L_dir from text: the CLIP edit points from the source's words to the prompt",
    "consistency": "L_scc: the W+ codes that the domain leaves alone stay the source's",
    "adversarial": "a discriminator cannot tell images from the reference",
    "score_distillation": "SDS: a diffusion model finds images likely under the prompt",
}
"""Losses a method may name, with what each one asks for."""

FROM_REFERENCE = (
    "directional",
    "token_distribution",
    "colour_distribution",
    "shallow_distribution",
    "analogy",
    "background_colour",
    "moments",
    "adversarial",
)
"""Losses that need a reference image; without one they are left out."""
FROM_TEXT = ("text_directional",)
"""Losses that need a prompt; without one they are left out."""

MAXIMUM_WEIGHT = 100.0
MAXIMUM_STEPS = 10_000
POOLED = "pooled"


@dataclass(frozen=True)
class LossTerm:
    """One weighted loss.

    Args:
        kind: a name of `LOSSES`.
        weight: 0 to 100.
        layers: encoder layers whose tokens are compared, their losses summed. For ``directional``, none means
            the joint embedding, "pooled" a CNN tower's pooled features.
        centred: subtract the sources' mean token first; a CNN's tokens share a large common part.
        side: grid on which images (``colour_distribution``, ``analogy``, ``background_colour``) or features
            (``feature_structure``) are compared; for ``view_consistency``, what is finer than its cells does not count.
        points: of each image, at most so many random ones are compared by the two distribution losses of ours, and
            so many tokens by ``token_distribution``.
        place: how much it counts where in the picture something is, for ``token_distribution`` and the two distribution
            losses of ours: 0 not at all; see `adapter.losses.with_places` and `adapter.losses.token_distribution`.
        window: steps whose mean codes L_scc compares, and after which its weight begins to rise.
        keep: share of the channels that L_scc holds on to.
        rows: share of the rows of W+ that L_scc looks at, from the coarse end.
    """

    kind: str
    weight: float
    layers: tuple[str | int, ...] = ()
    centred: bool = True
    side: int = 32
    points: int = 1024
    place: float = 0.0
    window: int = 50
    keep: float = 0.6
    rows: float = 0.39

    def __post_init__(self) -> None:
        if self.kind not in LOSSES:
            raise UserError(f"There is no loss named {self.kind!r}. Choose from: {', '.join(LOSSES)}.")
        _check(f"The weight of {self.kind}", self.weight, 0, MAXIMUM_WEIGHT)
        _check_whole(f"The side of {self.kind}", self.side, 1, 1024)
        _check_whole(f"The number of points of {self.kind}", self.points, 16, 1_000_000)
        _check(f"The weight of places of {self.kind}", self.place, 0, MAXIMUM_WEIGHT)
        _check_whole(f"The window of {self.kind}", self.window, 1, 10_000)
        _check(f"The kept share of {self.kind}", self.keep, 0, 1)
        _check(f"The share of rows of {self.kind}", self.rows, 0, 1)


@dataclass(frozen=True)
class Stage:
    """Steps that train some parts while the rest stands still.

    Args:
        name: shown to the user.
        train: names of `PARTS`, or dotted names inside them such as "superresolution.block1".
        steps: optimiser steps.
        learning_rate: Adam's rate after the warm-up.
        rates: (fragment of a parameter's name, factor of the learning rate); 0 leaves it untrained.
    """

    name: str
    train: tuple[str, ...]
    steps: int
    learning_rate: float = 0.01
    rates: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.train:
            raise UserError(f"The stage {self.name!r} trains nothing. Name a part: {', '.join(PARTS)}.")
        for part in self.train:
            if part.split(".")[0] not in PARTS:
                raise UserError(f"There is no part named {part!r} to train. Choose from: {', '.join(PARTS)}.")
        _check_whole(f"The number of steps of {self.name}", self.steps, 1, 100_000)
        _check(f"The learning rate of {self.name}", self.learning_rate, 1e-7, 1)
        for fragment, factor in self.rates:
            _check(f"The factor of {fragment}'s learning rate", factor, 0, 1000)

    def rate(self, parameter: str) -> float:
        """Learning rate of a parameter of the parts by its dotted name; 0 where it is not trained."""
        if not any(_belongs(parameter, part) for part in self.train):
            return 0.0
        factors = [factor for fragment, factor in self.rates if fragment in parameter]
        return self.learning_rate * (factors[-1] if factors else 1.0)


def is_remodulation(parameter: str) -> bool:
    """Whether a parameter of this dotted name belongs to a second mapping or modulation."""
    return parameter.startswith("mapping.") or ".shift." in parameter


def _belongs(parameter: str, part: str) -> bool:
    if part == "remodulation":
        return is_remodulation(parameter)
    return parameter == part or parameter.startswith(f"{part}.")


@dataclass(frozen=True)
class Method:
    """Everything an adaptation needs besides the generator, the encoder and the reference.

    Args:
        name, preset: how the method is called.
        stages: run one after the other, each from the averaged weights of the one before.
        losses: summed; a term whose input a stage cannot change is left out there.
        pool: number of (latent, camera) pairs that are rendered and looked at once, then trained on.
        truncation_psi: of the pool's latents.
        views: how many cameras see each person of the pool. A batch holds all views of its people.
        yaw, pitch: cameras of the pool lie within these angles of the front, in radians.
        batch: pairs a step.
        betas: of Adam.
        warmup: steps of linear warm-up at the start of each stage.
        final_rate: share of the learning rate that the cosine schedule ends with.
        ema: decay of the averaged weights, which are what is previewed and kept.
        directions: projections a step for the sliced distances.
        background: side of the map of background features that is trained, 0 for the base's own. With it the
            rays along a silhouette blend into the new background instead of into the old one.
        mirrored: also use each reference's mirror image, so that one side's light or parting does not count.
        auto_layers: StyleGAN-NADA's adaptive choice: only the layers of this many rows of W+ train, chosen anew every
            ``auto_every`` steps; 0 trains all.
        per_frame: the method changes rendered images one by one and leaves the generator alone; its single stage
            counts steps per image, and it makes no domain.
        preview_every: steps between previews.
    """

    name: str
    preset: str
    stages: tuple[Stage, ...]
    losses: tuple[LossTerm, ...]
    pool: int = 32
    views: int = 1
    truncation_psi: float = 1.0
    yaw: float = 0.45
    pitch: float = 0.15
    batch: int = 2
    betas: tuple[float, float] = (0.9, 0.99)
    warmup: int = 10
    final_rate: float = 0.05
    ema: float = 0.95
    directions: int = 32
    background: int = 0
    mirrored: bool = False
    auto_layers: int = 0
    auto_every: int = 20
    per_frame: bool = False
    preview_every: int = 20

    def __post_init__(self) -> None:
        if not self.stages:
            raise UserError("A method needs at least one stage.")
        if not any(term.weight > 0 for term in self.losses):
            raise UserError("Every loss has the weight 0: nothing would be learned. Raise one of them.")
        if not self.background and any("background" in stage.train for stage in self.stages):
            raise UserError("A stage trains the background, which this method leaves to the base. Give it a side.")
        kinds = [term.kind for term in self.losses]
        if len(set(kinds)) != len(kinds):
            raise UserError("A loss is named twice. Give each loss one weight.")
        _check_whole("The batch size", self.batch, 1, 64)
        _check_whole("The pool size", self.pool, self.batch, 4096)
        _check_whole("The number of views", self.views, 1, self.batch)
        if self.pool % self.views or self.batch % self.views:
            raise UserError("Pool and batch must hold all views of each person. Make them multiples of the views.")
        if self.views < 2 and self.weight("view_consistency"):
            raise UserError("view_consistency compares views of a person. Set the number of views to 2 or more.")
        _check("The truncation psi", self.truncation_psi, 0, 2)
        _check("The yaw range", self.yaw, 0, 1.5)
        _check("The pitch range", self.pitch, 0, 1.0)
        for beta in self.betas:
            _check("Adam's beta", beta, 0, 0.99999)
        _check_whole("The warm-up", self.warmup, 0, 100_000)
        _check("The final share of the learning rate", self.final_rate, 0, 1)
        _check("The decay of the averaged weights", self.ema, 0, 0.99999)
        _check_whole("The side of the background", self.background, 0, 64)
        _check_whole("The number of projections", self.directions, 1, 4096)
        _check_whole("The number of chosen layers", self.auto_layers, 0, 64)
        _check_whole("The number of steps between choices", self.auto_every, 1, 100_000)
        _check_whole("The number of steps between previews", self.preview_every, 1, 100_000)

    @property
    def steps(self) -> int:
        """Steps of all stages together."""
        return sum(stage.steps for stage in self.stages)

    @property
    def takes_text(self) -> bool:
        """Whether a prompt alone can lead it."""
        return any(term.kind in (*FROM_TEXT, "score_distillation") and term.weight > 0 for term in self.losses)

    @property
    def takes_image(self) -> bool:
        """Whether a reference image alone can lead it."""
        return any(term.kind in FROM_REFERENCE and term.weight > 0 for term in self.losses)

    @property
    def asks_for_inverter(self) -> bool:
        """Whether some loss reads what a W+ encoder sees."""
        return self.weight("analogy") > 0 or self.weight("consistency") > 0

    def trains(self, part: str) -> bool:
        """Whether some stage trains this part of `PARTS`, or something inside it."""
        return any(name.split(".")[0] == part for stage in self.stages for name in stage.train)

    def weight(self, kind: str) -> float:
        """Weight of a loss, 0 where the method has none of that kind."""
        return sum(term.weight for term in self.losses if term.kind == kind)

    def with_weights(self, weights: Mapping[str, float]) -> "Method":
        """The same method with other weights for some of its losses, by kind; a weight of 0 removes the loss.

        Raises:
            UserError: a loss that the method does not have, or a weight outside its range.
        """
        kinds = [term.kind for term in self.losses]
        for kind in weights:
            if kind not in kinds:
                raise UserError(f"{self.name} has no loss named {kind!r}. It has: {', '.join(kinds)}.")
        losses = (dataclasses.replace(term, weight=weights.get(term.kind, term.weight)) for term in self.losses)
        return dataclasses.replace(self, losses=tuple(losses))

    def with_steps(self, steps: Mapping[str, int]) -> "Method":
        """The same method with other numbers of steps for some stages, by stage name; 0 removes a stage.

        Raises:
            UserError: a stage that the method does not have, or none left.
        """
        names = [stage.name for stage in self.stages]
        for name in steps:
            if name not in names:
                raise UserError(f"{self.name} has no stage named {name!r}. It has: {', '.join(names)}.")
        stages = ((stage, steps.get(stage.name, stage.steps)) for stage in self.stages)
        kept = tuple(dataclasses.replace(stage, steps=count) for stage, count in stages if count != 0)
        return dataclasses.replace(self, stages=kept)

    def of_length(self, steps: int, preset: str | None = None) -> "Method":
        """The same method with so many steps in all, shared out as before, previews and L_scc's window too.

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
        return dataclasses.replace(
            self.with_steps(counts),
            preset=preset or self.preset,
            preview_every=max(1, round(share * self.preview_every)),
            losses=tuple(
                dataclasses.replace(term, window=max(1, round(share * term.window)))
                if term.kind == "consistency"
                else term
                for term in self.losses
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """The method as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Method":
        """Build a method from plain JSON values.

        Raises:
            UserError: a key is unknown or missing, or a value is out of range or of the wrong kind.
        """
        try:
            values = dict(values)
            stages = tuple(_stage(stage) for stage in values.pop("stages"))
            losses = tuple(_term(term) for term in values.pop("losses"))
            if "betas" in values:
                values["betas"] = tuple(values["betas"])
            return cls(stages=stages, losses=losses, **values)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"The settings of the method cannot be used ({error}).") from error


def _stage(values: Mapping[str, Any]) -> Stage:
    values = dict(values, train=tuple(values["train"]))
    if "rates" in values:
        values["rates"] = tuple((fragment, factor) for fragment, factor in values["rates"])
    return Stage(**values)


def _term(values: Mapping[str, Any]) -> LossTerm:
    return LossTerm(**dict(values, layers=tuple(values.get("layers", ()))))


def _check_whole(what: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{what} must be a whole number from {low} to {high}, not {value!r}.")


def _check(what: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserError(f"{what} must be a number from {low:g} to {high:g}, not {value!r}.")
