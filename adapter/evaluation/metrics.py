"""The metrics of a method on a target domain, and how each is shown and ranked."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from adapter.evaluation import consistency, fid_kid, lpips, portraits
from adapter.evaluation.classifier import Classifier
from adapter.evaluation.eval_set import EvalSet, GroundTruth
from adapter.evaluation.lpips import LpipsModel, Maps
from adapter.evaluation.renderers import Render, RenderSet
from adapter.evaluation.reprojection import reprojection_error

IDENTITY_STAGE = 3
"""Stage of the classifier whose map, place by place, distinguishes aligned identities in any style, once centred."""
GROUPS = ("fidelity", "diversity", "cross-domain", "multi-view")
COST, RIM = "cost", "rim"


@dataclass(frozen=True)
class Metric:
    """How a number is shown and ranked.

    Args:
        title: of the column.
        group: one of `GROUPS`; or `COST` or `RIM`, which are not ranked: less of a rim than the truth's is no better.
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
    "landmarks": Metric("landmarks", "cross-domain", False),
    "rim": Metric("rim", RIM, False),
    "reprojection": Metric("reprojection", "multi-view", False),
    "depth_drift": Metric("depth drift", "multi-view", False, 4),
    "seconds": Metric("seconds", COST, False, 0),
    "peak_mb": Metric("peak MB", COST, False, 0),
    "file_kb": Metric("file kB", COST, False, 0),
}

Values = dict[str, float | None]
"""Numbers by metric; None where a method has no such number."""


@dataclass(frozen=True)
class ImageFeatures:
    """Features of N images: the classifier's [N, D], identity [N, I], and `lpips.unit_maps` for distances."""

    features: Tensor
    identity: Tensor
    maps: Maps


@dataclass(frozen=True)
class MetricContext:
    """What all measurements of one evaluation share.

    Args:
        eval_set: the identities.
        classifier: computes features.
        lpips: computes maps for distances; the classifier where None.
        source: the base's own renders.
        source_front: features of the base's frontal views.
        labels: true classes of the identities, by attribute.
        people: whether the base's own renders, which are the truth's shape, show people whose faces can be read.
    """

    eval_set: EvalSet
    classifier: Classifier
    lpips: LpipsModel | None
    source: RenderSet
    source_front: ImageFeatures
    labels: dict[str, list[str]]
    people: bool = False

    @classmethod
    def create(
        cls, eval_set: EvalSet, truth: GroundTruth, classifier: Classifier, model: LpipsModel | None, source: RenderSet
    ) -> "MetricContext":
        """Compute the source's features and the true labels once."""
        labels = {attribute: truth.labels(eval_set.latents, attribute) for attribute in classifier.attributes}
        front = image_features(classifier, model, source.front.image)
        return cls(eval_set, classifier, model, source, front, labels, truth.people)


@dataclass(frozen=True)
class TargetDomain:
    """A style, its true pictures of the identities [N, 3, S, S], their features, and those of the reference."""

    style: str
    images: Tensor
    features: ImageFeatures
    reference: ImageFeatures


def image_features(classifier: Classifier, model: LpipsModel | None, images: Tensor) -> ImageFeatures:
    """Features of images [N, 3, S, S] in [-1, 1]."""
    found = classifier.features(images)
    maps = lpips.unit_maps(found.maps)
    return ImageFeatures(found.pooled, maps[IDENTITY_STAGE].flatten(1), model(images) if model else maps)


def image_metrics(context: MetricContext, domain: TargetDomain, images: Tensor, front: Tensor) -> Values:
    """Metrics of the pictures of all identities [N, 3, H, W] and of the first F from the front [F, 3, H, W]."""
    found, found_front = (image_features(context.classifier, context.lpips, x) for x in (images, front))
    source_maps = tuple(stage[: len(front)] for stage in context.source_front.maps)
    styles = context.classifier.predict(found.features, "style")
    predicted = [context.classifier.predict(found.features, attribute) for attribute in context.labels]
    return {
        "kid": fid_kid.kernel_distance(found.features, domain.features.features, paired=True),
        "fid": fid_kid.frechet_distance(found.features, domain.features.features),
        "likeness": fid_kid.likeness(found.features, domain.reference.features),
        "named": styles.count(domain.style) / len(styles),
        "psnr": float(psnr(images, domain.images).mean()),
        "perceptual": float(lpips.distance(found.maps, domain.features.maps).mean()),
        "diversity": lpips.mean_pairwise(found_front.maps) / lpips.mean_pairwise(source_maps),
        "attributes": consistency.retention(predicted, list(context.labels.values())),
        "edges": float(consistency.edge_overlap(context.source.pairs.image, images).mean()),
        "identity": consistency.retrieval_accuracy(context.source_front.identity, found_front.identity),
        **(_portrait_metrics(context.source.pairs, images) if context.people else {}),
    }


def _portrait_metrics(source: Render, images: Tensor) -> Values:
    """How far landmarks moved, in face widths, where both pictures show a face; and the rim around the head."""
    pairs = zip(source.image.split(1), images.split(1), strict=True)
    errors = [error for error in (portraits.mesh_error(*pair) for pair in pairs) if not math.isnan(error)]
    return {
        "landmarks": sum(errors) / len(errors) if 2 * len(errors) > len(images) else None,
        "rim": float(portraits.rim(images, source.opacity).nanmean()),
    }


def shape_metrics(context: MetricContext, renders: RenderSet) -> Values:
    """Metrics of opacity and depth; None where a renderer has no shape of its own."""
    source, target = context.source.pairs, renders.pairs
    values: Values = {"silhouette": None, "depth_drift": None, "reprojection": _reprojection(context.eval_set, renders)}
    if target.own_shape:
        values["silhouette"] = float(consistency.silhouette_overlap(source.opacity, target.opacity).mean())
        drift = depth_drift(source.depth, target.depth, source.opacity, target.opacity).nanmean()
        values["depth_drift"] = None if drift.isnan() else float(drift)
    return values


def psnr(a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB per image [N], of images [N, C, H, W] in [-1, 1]; at most 100 dB.

    Args:
        weight: of each pixel, not negative [N, 1, H, W]; all equal where None.
    """
    error = ((a - b) / 2).square().mean(dim=1, keepdim=True)
    weight = torch.ones_like(error) if weight is None else weight
    mean = (error * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))
    return -10 * torch.log10(mean.clamp_min(1e-10))


def depth_drift(source: Tensor, target: Tensor, source_opacity: Tensor, target_opacity: Tensor) -> Tensor:
    """Mean absolute difference of depth per scene [N], in world units, where both have a surface.

    Scale-free: the target's depths are first multiplied by the ratio of the two medians, so a face that is a little
    nearer as a whole keeps its shape. Scenes without a common surface give NaN.

    Args:
        source, target: distances [N, 1, R, R].
        source_opacity, target_opacity: [N, 1, R, R] in [0, 1].
    """
    result = []
    for a, b, common in zip(source, target, (source_opacity > 0.9) & (target_opacity > 0.9), strict=True):
        a, b = a[common], b[common]
        result.append((a - b * (a.median() / b.median())).abs().mean() if len(a) else a.new_tensor(torch.nan))
    return torch.stack(result)


def _reprojection(eval_set: EvalSet, renders: RenderSet) -> float:
    """Mean over identities and turns of the error of the front view warped into the turned one."""

    count = len(eval_set.turned[0])
    front = renders.front
    first = front.image[:count], front.depth[:count], front.opacity[:count], eval_set.front[:count]
    turned = zip(renders.turned, eval_set.turned, strict=True)
    errors = [reprojection_error(*first, r.image, r.depth, r.opacity, cameras).mean() for r, cameras in turned]
    return float(sum(errors) / len(errors))
