"""The losses that a method may name, as data: what each one needs, its options and their defaults.

`adapter.losses` computes them: one class per loss, registered under the same name.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from adapter.errors import UserError
from adapter.methods.checked import Checked, checked

Requirement = Literal["reference", "text", "inverter", "distillation", "views", "faces"]
GUIDING: frozenset[Requirement] = frozenset({"reference", "text", "distillation"})
"""A loss that needs one of these pulls towards the new domain; the others hold on to the source."""

MAXIMUM_WEIGHT = 100.0
Weight = Annotated[float, Field(ge=0, le=MAXIMUM_WEIGHT)]
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=1024)]
Points = Annotated[int, Field(ge=16, le=1_000_000)]
Window = Annotated[int, Field(ge=1, le=10_000)]
Layers = tuple[str | int, ...]


@checked
class LossTerm(Checked):
    """One weighted loss. Subclasses add the options of their loss; `loss` makes them by name.

    Args:
        weight: 0 to 100.
    """

    kind: ClassVar[str] = ""
    description: ClassVar[str] = ""
    requires: ClassVar[tuple[Requirement, ...]] = ()

    weight: Weight

    @property
    def reads_embedding(self) -> bool:
        """Whether the loss reads the encoder's joint embedding; if no loss does, an encoder may stop earlier."""
        return False


@checked
class TokenTerm(LossTerm):
    """A loss of tokens.

    Args:
        layers: encoder layers whose tokens are compared; their losses are summed.
        centred: subtract the sources' mean token first, because a CNN's tokens share a large common part.
    """

    layers: Layers = ()
    centred: bool = True


@checked
class GridTerm(LossTerm):
    """A loss of images or features on a grid.

    Args:
        side: of the grid; what is finer than its cells is not compared.
    """

    side: Side = 32


@checked
class Directional(LossTerm):
    """No layers stand for the joint embedding, "pooled" for a CNN tower's pooled features."""

    kind = "directional"
    description = "L_dir: the CLIP edit points from the source's mean to the reference"
    requires = ("reference",)
    layers: Layers = ()

    @property
    def reads_embedding(self) -> bool:
        """Only without layers."""
        return not self.layers


@checked
class TokenDistribution(TokenTerm):
    """At most ``points`` random tokens of each target count; ``place``: how much their place in the image counts."""

    kind = "token_distribution"
    description = "L_dis: tokens are distributed as the reference's"
    requires = ("reference",)
    points: Points = 1024
    place: Weight = 0.0


@checked
class ImageStructure(TokenTerm):
    kind = "image_structure"
    description = "L_I-str: an image keeps its source's self-similarity"


@checked
class FeatureStructure(GridTerm):
    kind = "feature_structure"
    description = "L_F-str: rendered features keep their source's self-similarity"


@checked
class ColorDistribution(GridTerm):
    """``points`` and ``place`` as for `TokenDistribution`, of cells and for both sides."""

    kind = "colour_distribution"
    description = "ours: colours are distributed as the reference's"
    requires = ("reference",)
    points: Points = 1024
    place: Weight = 0.0


@checked
class ShallowDistribution(TokenTerm):
    """``points`` and ``place`` as for `TokenDistribution`, for both sides."""

    kind = "shallow_distribution"
    description = "ours: shallow tokens are distributed as the reference's"
    requires = ("reference",)
    points: Points = 1024
    place: Weight = 0.0


@checked
class Analogy(GridTerm):
    """The tokens of ``layers`` of the first encoder describe what a place shows."""

    kind = "analogy"
    description = "ours: a place has the reference's colours of like places, found by way of the reference's inversion"
    requires = ("reference", "inverter")
    layers: Layers = ()


@checked
class MeshGuide(GridTerm):
    kind = "mesh_guide"
    description = "ours: lips, eyes, skin and hair have the colours of the reference's own, found by face meshes"
    requires = ("reference", "faces")
    side: Side = 64


@checked
class BackgroundColor(GridTerm):
    kind = "background_colour"
    description = "ours: where sources show background, colours are as at that place of the reference"
    requires = ("reference",)


@checked
class BackgroundVariation(LossTerm):
    kind = "background_variation"
    description = "ours: where sources show background, colours are smooth up to the silhouette"


@checked
class ViewConsistency(GridTerm):
    kind = "view_consistency"
    description = "ours: two views of a person have the same colours where they show the same place"
    requires = ("views",)


@checked
class Moments(TokenTerm):
    """``regions``: hair is compared with hair, skin with skin, and so on, where the faces are known.

    At most ``points`` random tokens of each target then count.
    """

    kind = "moments"
    description = "ours: tokens have the reference's mean and covariance"
    requires = ("reference",)
    regions: bool = False
    points: Points = 1_000_000


@checked
class TextDirectional(LossTerm):
    kind = "text_directional"
    description = "L_dir from text: the CLIP edit points from the source's words to the prompt"
    requires = ("text",)

    @property
    def reads_embedding(self) -> bool:
        """Always."""
        return True


@checked
class Consistency(LossTerm):
    """DiFa's selective cross-domain consistency.

    Args:
        window: steps whose mean codes are compared, and after which the loss begins to count.
        keep: share of the channels that are held.
        rows: share of the rows of W+ that are compared, from the coarse end.
    """

    kind = "consistency"
    description = "L_scc: the W+ codes that the domain leaves alone stay the source's"
    requires = ("inverter",)
    window: Window = 50
    keep: Share = 0.6
    rows: Share = 0.39


@checked
class Adversarial(LossTerm):
    kind = "adversarial"
    description = "a discriminator cannot tell images from the reference"
    requires = ("reference",)


@checked
class ScoreDistillation(LossTerm):
    kind = "score_distillation"
    description = "SDS: a diffusion model finds images likely under the prompt"
    requires = ("distillation",)


_ALL: tuple[type[LossTerm], ...] = (
    *(Directional, TokenDistribution, ImageStructure, FeatureStructure),
    *(
        ColorDistribution,
        ShallowDistribution,
        Analogy,
        MeshGuide,
        BackgroundColor,
        BackgroundVariation,
        ViewConsistency,
        Moments,
    ),
    *(TextDirectional, Consistency, Adversarial, ScoreDistillation),
)
LOSSES: dict[str, type[LossTerm]] = {term.kind: term for term in _ALL}
"""All losses by name."""


def loss(kind: str, weight: float, layers: Sequence[str | int] | None = None, **options: Any) -> LossTerm:
    """A loss by its name, such as ``loss("token_distribution", 6.0, ("stage1",), points=256)``.

    Raises:
        UserError: an unknown name or option, or a value out of range.
    """
    if kind not in LOSSES:
        raise UserError(f"There is no loss named {kind!r}. Choose from: {', '.join(LOSSES)}.")
    if layers is not None:
        options["layers"] = tuple(layers)
    return LOSSES[kind](weight=weight, **options)
