"""What is measured of a method on a domain, and where it counts."""

from dataclasses import dataclass

from torch import Tensor

from adapter.evaluation import consistency, fid_kid, lpips, paired
from adapter.evaluation.classifier import Classifier
from adapter.evaluation.geometry import depth_drift
from adapter.evaluation.lpips import Maps, Perception
from adapter.evaluation.renderers import EvalSet, Render, RenderSet, Truth
from adapter.evaluation.reprojection import reprojection_error

WHO_STAGE = 3
"""Stage of the judge whose map, place by place, tells aligned people apart; in any style, once it is centred."""
GROUPS = ("fidelity", "diversity", "cross-domain", "multi-view")
COST = "cost"


@dataclass(frozen=True)
class Metric:
    """How to show and rank a number.

    Args:
        title: of the column.
        group: of `GROUPS`, or `COST`, which does not rank.
        higher: whether more is better.
        digits: after the point.
    """

    title: str
    group: str
    higher: bool
    digits: int = 3


METRICS: dict[str, Metric] = {
    "kid": Metric("KID", "fidelity", False),
    "fid": Metric("FID", "fidelity", False, 0),
    "likeness": Metric("likeness", "fidelity", True, 2),
    "named": Metric("named", "fidelity", True, 2),
    "psnr": Metric("PSNR", "fidelity", True, 1),
    "perceptual": Metric("perceptual", "fidelity", False),
    "diversity": Metric("diversity", "diversity", True, 2),
    "attributes": Metric("attributes", "cross-domain", True, 2),
    "edges": Metric("edges", "cross-domain", True, 2),
    "silhouette": Metric("silhouette", "cross-domain", True),
    "identity": Metric("identity", "cross-domain", True, 2),
    "reprojection": Metric("reprojection", "multi-view", False),
    "depth_drift": Metric("depth drift", "multi-view", False, 4),
    "seconds": Metric("seconds", COST, False, 0),
    "peak_mb": Metric("peak MB", COST, False, 0),
    "file_kb": Metric("file kB", COST, False, 0),
}

Values = dict[str, float | None]


@dataclass(frozen=True)
class Seen:
    """What there is to say about N pictures: the judge's features [N, D], who is seen [N, I], maps for distances."""

    features: Tensor
    who: Tensor
    maps: Maps


@dataclass(frozen=True)
class Bench:
    """What all measurements of one evaluation share.

    Args:
        cast: the people.
        judge: looks at pictures.
        perception: gives the maps for distances; the judge where None.
        source: the base's own shots.
        front_seen: its front views, seen.
        answers: true answers about the people, by question.
    """

    cast: EvalSet
    judge: Classifier
    perception: Perception | None
    source: RenderSet
    front_seen: Seen
    answers: dict[str, list[str]]

    @classmethod
    def set_up(
        cls, cast: EvalSet, truth: Truth, judge: Classifier, perception: Perception | None, source: RenderSet
    ) -> "Bench":
        """Look at the source once."""
        answers = {question: truth.answers(cast.latents, question) for question in judge.attributes}
        return cls(cast, judge, perception, source, look(judge, perception, source.front.image), answers)


@dataclass(frozen=True)
class Goal:
    """A target domain: its style, the true pictures of the cast's pairs [N, 3, S, S] and the reference, seen."""

    style: str
    images: Tensor
    seen: Seen
    reference: Seen


def look(judge: Classifier, perception: Perception | None, images: Tensor) -> Seen:
    """See pictures [N, 3, S, S] once."""
    seen = judge.look(images)
    maps = lpips.unit_maps(seen.maps)
    return Seen(seen.features, maps[WHO_STAGE].flatten(1), perception(images) if perception else maps)


def measure_pictures(bench: Bench, goal: Goal, images: Tensor, front: Tensor) -> Values:
    """Everything that the pictures of the pairs [N, 3, H, W] and of the first people's fronts [F, 3, H, W] tell."""
    seen, front_seen = (look(bench.judge, bench.perception, x) for x in (images, front))
    source_maps = tuple(stage[: len(front)] for stage in bench.front_seen.maps)
    named = bench.judge.answer(seen.features, "style")
    given = [bench.judge.answer(seen.features, question) for question in bench.answers]
    return {
        "kid": fid_kid.kernel_distance(seen.features, goal.seen.features, paired=True),
        "fid": fid_kid.frechet_distance(seen.features, goal.seen.features),
        "likeness": fid_kid.likeness(seen.features, goal.reference.features),
        "named": sum(name == goal.style for name in named) / len(named),
        "psnr": float(paired.psnr(images, goal.images).mean()),
        "perceptual": float(lpips.distance(seen.maps, goal.seen.maps).mean()),
        "diversity": lpips.mean_pairwise(front_seen.maps) / lpips.mean_pairwise(source_maps),
        "attributes": consistency.retention(given, list(bench.answers.values())),
        "edges": float(consistency.edge_overlap(bench.source.pairs.image, images).mean()),
        "identity": consistency.retrieval_accuracy(bench.front_seen.who, front_seen.who),
    }


def measure_shape(bench: Bench, shots: RenderSet) -> Values:
    """What opacity and depth tell; None where a painter has no shape of its own."""
    source, target = bench.source.pairs, shots.pairs
    values: Values = {"silhouette": None, "depth_drift": None, "reprojection": _reprojection(bench.cast, shots)}
    if target.shaped:
        values["silhouette"] = float(consistency.silhouette_overlap(source.opacity, target.opacity).mean())
        drift = depth_drift(source.depth, target.depth, source.opacity, target.opacity).nanmean()
        values["depth_drift"] = None if drift.isnan() else float(drift)
    return values


def _reprojection(cast: EvalSet, shots: RenderSet) -> float:
    """Mean over people and turns of the error of the front view carried into the turned one."""

    def arguments(shot: Render, cameras: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return shot.image, shot.depth, shot.opacity, cameras

    turned = len(cast.turned[0])
    start = shots.front
    front = arguments(Render(start.image[:turned], start.depth[:turned], start.opacity[:turned]), cast.front[:turned])
    turns = zip(shots.turned, cast.turned, strict=True)
    errors = [reprojection_error(*front, *arguments(shot, cameras)).mean() for shot, cameras in turns]
    return float(sum(errors) / len(errors))
