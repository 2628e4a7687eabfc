"""Losses that turn a source generator into a target one: pure functions of images' features.

Nothing here knows a generator or an encoder. Tokens are [N, T, C] (image, position, channel) and need not be
normalised; every function returns a scalar that is finite, with finite gradient, where source equals target.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MINIMUM_NORM = 1e-4


def unit(x: Tensor, dim: int = -1, minimum_norm: float = MINIMUM_NORM) -> Tensor:
    """Divide by the Euclidean norm along ``dim``, at least ``minimum_norm``; a zero vector stays zero."""
    return x / torch.linalg.vector_norm(x, dim=dim, keepdim=True).clamp_min(minimum_norm)


def self_similarity(tokens: Tensor) -> Tensor:
    """Cosine of every token with every other one: [N, T, C] -> [N, T, T]."""
    tokens = unit(tokens)
    return tokens @ tokens.transpose(1, 2)


def directional(target: Tensor, source: Tensor, direction: Tensor, minimum_norm: float = 1e-2) -> Tensor:
    """L_dir: one minus the cosine between each pair's edit and the wanted direction.

    The name is 3D-Adapter's, the formula DiFa's global loss: mean over n of
    1 - <unit(target_n - source_n), unit(direction)>. The edit's norm is clamped from below, so that equal
    embeddings give 1 and a bounded gradient (ours; the published code relies on noise to tell the two apart).

    Args:
        target: embeddings of target images [N, D].
        source: embeddings of the source images of the same latents and cameras [N, D].
        direction: [D], any length but zero.
        minimum_norm: smallest norm that an edit is divided by, in units of the embeddings.

    Returns:
        Scalar in [0, 2].
    """
    edit = unit(target - source, minimum_norm=minimum_norm)
    return (1 - edit @ unit(direction)).mean()


def token_distribution(target: Tensor, reference: Tensor, far: Tensor | None = None) -> Tensor:
    """L_dis: relaxed earth mover's distance between the tokens of an image and those of the reference.

    The name is 3D-Adapter's, the formula DiFa's local loss: with cost C_ij = 1 - cos(target_i, reference_j),
    mean over n of max(mean_i min_j C, mean_j min_i C).

    Args:
        target: tokens [N, T, C].
        reference: tokens of the reference, or of several together, [M, C].
        far: ours: added to the cost when partners are chosen [T, M], see `place_costs`, so that a token finds its
            like nearby. None leaves places out, as published.

    Returns:
        Scalar in [0, 2].
    """
    target, reference = unit(target), unit(reference)
    with torch.no_grad():
        # Two products, because a maximum along the last, contiguous axis is several times faster on a CPU.
        likeness, reverse = target @ reference.T, reference @ target.transpose(1, 2)
        if far is not None:
            likeness, reverse = likeness - far, reverse - far.T
        nearest_reference, nearest_target = likeness.argmax(dim=2), reverse.argmax(dim=2)
    matched = target.gather(1, nearest_target[:, :, None].expand(-1, -1, target.shape[2]))
    from_target = 1 - (target * reference[nearest_reference]).sum(dim=2).mean(dim=1)
    from_reference = 1 - (matched * reference).sum(dim=2).mean(dim=1)
    return torch.maximum(from_target, from_reference).mean()


def image_structure(target: Tensor, source: Tensor) -> Tensor:
    """L_I-str: mean squared difference of the token self-similarities of target and source images.

    The name is 3D-Adapter's, the formula DoRM's similarity-based structure loss.

    Args:
        target: tokens of target images [N, T, C].
        source: tokens of the source images of the same latents and cameras [N, T, C].

    Returns:
        Scalar, zero where the two are equal.
    """
    return F.mse_loss(self_similarity(target), self_similarity(source))


def feature_structure(target: Tensor, source: Tensor, side: int = 32) -> Tensor:
    """L_F-str: mean squared difference of the self-similarities of rendered features.

    The name is 3D-Adapter's, the formula our reconstruction: pool to ``side`` x ``side``, subtract each
    channel's mean over the positions, compare cosines. Shifting or scaling all channels alike costs nothing.

    Args:
        target: rendered features of the target [N, F, R, R].
        source: rendered features of the source from the same planes and samples [N, F, R, R].

    Returns:
        Scalar, zero where the two are equal.
    """
    pairs = [self_similarity(_centred_tokens(features, side)) for features in (target, source)]
    return F.mse_loss(*pairs)


def _centred_tokens(features: Tensor, side: int) -> Tensor:
    tokens = grid_points(features, side)
    return tokens - tokens.mean(dim=1, keepdim=True)


def random_directions(channels: int, count: int, generator: torch.Generator) -> Tensor:
    """Unit vectors [channels, count], uniform on the sphere, drawn from ``generator`` on its device."""
    return unit(torch.randn(channels, count, generator=generator, device=generator.device), dim=0)


def sliced_wasserstein(target: Tensor, reference: Tensor, directions: Tensor) -> Tensor:
    """Ours: mean distance between the sorted projections of two point sets (Wasserstein-1, sliced).

    A small encoder does not pin down colours; comparing the distribution of colours or of shallow tokens
    does, and knows no positions. Sets of different size are compared at the target's quantiles.

    Args:
        target: points [N, T, C].
        reference: points of the reference, or of several together, [M, C].
        directions: unit vectors [C, K], see ``random_directions``.

    Returns:
        Scalar in units of the points, zero for equal sets.
    """
    projected = (directions.T @ target.transpose(1, 2)).sort(dim=2).values
    wanted = _quantiles((directions.T @ reference.T).sort(dim=1).values, projected.shape[2])
    return (projected - wanted).abs().mean()


def _quantiles(ordered: Tensor, count: int) -> Tensor:
    """Resample ascending rows [K, M] to [K, count]; every member stands at the middle of its share."""
    if ordered.shape[1] == count:
        return ordered
    return F.interpolate(ordered[None], size=count, mode="linear", align_corners=False)[0]


def grid_points(images: Tensor, side: int) -> Tensor:
    """Means of images [N, C, H, W] over the cells of a square grid, no finer than they are: [N, T, C], row by row."""
    return F.adaptive_avg_pool2d(images, min(side, images.shape[-1])).flatten(2).transpose(1, 2)


def grid_places(count: int) -> Tensor:
    """Places [T, 2] of the T cells of a square grid, row by row, in [-1, 1].

    Raises:
        ValueError: T is no square.
    """
    side = math.isqrt(count)
    if side * side != count:
        raise ValueError(f"{count} points are no square grid.")
    along = (torch.arange(side) + 0.5) * 2 / side - 1
    return torch.cartesian_prod(along, along)


def place_costs(count: int, pictures: int, weight: float) -> Tensor:
    """Ours: half the squared distance, times the squared weight, of T places to those of several pictures [T, M]."""
    places = weight * grid_places(count)
    return (torch.cdist(places, places).square() / 2).repeat(1, pictures)


def with_places(points: Tensor, weight: float) -> Tensor:
    """Ours: points [N, T, C] of a square grid with their places, times a weight, as two more coordinates.

    Two sets that agree in these agree in what is where, as far as the weight, in units of the points, says.
    """
    places = weight * grid_places(points.shape[1]).to(points)
    return torch.cat([points, places.expand(len(points), -1, -1)], dim=2)


def thin_out(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Every k-th of points [N, T, C] from a random start, so that at most ``count`` remain."""
    return points[:, thinning(points.shape[1], count, generator)]


def thinning(total: int, count: int, generator: torch.Generator) -> slice:
    """Every k-th of ``total`` places from a random start, so that at most ``count`` remain."""
    stride = -(-total // count)
    return slice(int(torch.randint(stride, (), generator=generator)), None, stride)


def analogy(asked: Tensor, known: Tensor, values: Tensor, softness: float) -> Tensor:
    """Ours: what stands at the known places, read off at places that are like them.

    Args:
        asked: descriptors [T, D].
        known: descriptors [M, D].
        values: at the known places [M, C].
        softness: half the squared distance at which a place counts 1/e as much as the likest.

    Returns:
        Means of ``values``, weighted by likeness [T, C].
    """
    distance = torch.cdist(asked, known).square() / 2
    return (-distance / softness).softmax(dim=1) @ values


def weighted_difference(target: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """Ours: mean absolute difference of corresponding points, each counted by its weight.

    Args:
        target: points [N, T, C].
        reference: [T, C], or [N, T, C].
        weight: not negative, [N, T].

    Returns:
        Scalar in units of the points; zero where all weights are zero.
    """
    difference = (target - reference).abs().mean(dim=2)
    return (difference * weight).sum() / weight.sum().clamp_min(MINIMUM_NORM)


def weighted_variation(images: Tensor, weight: Tensor) -> Tensor:
    """Ours: mean absolute difference of neighbouring pixels, each pair counted by its smaller weight.

    Args:
        images: [N, C, H, W].
        weight: not negative, [N, 1, H, W].

    Returns:
        Scalar in units of the pixels; zero where all weights are zero.
    """
    total, weights = 0.0, 0.0
    for dim in (2, 3):
        size = images.shape[dim] - 1
        ahead, behind = (images.narrow(dim, start, size) for start in (1, 0))
        both = torch.minimum(weight.narrow(dim, 1, size), weight.narrow(dim, 0, size))
        total = total + ((ahead - behind).abs().mean(dim=1, keepdim=True) * both).sum()
        weights = weights + both.sum()
    return total / weights.clamp_min(MINIMUM_NORM)


def mean_and_covariance(points: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [..., C] and unbiased covariance [..., C, C] of points [..., T, C]."""
    mean = points.mean(dim=-2)
    centred = points - mean[..., None, :]
    return mean, centred.transpose(-1, -2) @ centred / (points.shape[-2] - 1)


def moments(target: Tensor, reference: Tensor) -> Tensor:
    """Ours: distance between the first two moments of each image's tokens and of the reference's.

    Squared difference of the means plus absolute difference of the covariances, both averaged over their
    entries and divided by the reference's mean variance, so that layers of any scale count alike.

    Args:
        target: tokens [N, T, C].
        reference: tokens of the reference, or of several together, [M, C].

    Returns:
        Scalar, zero where the moments agree.
    """
    mean, covariance = mean_and_covariance(target)
    wanted_mean, wanted_covariance = mean_and_covariance(reference)
    scale = wanted_covariance.diagonal().mean().clamp_min(MINIMUM_NORM**2)
    return ((mean - wanted_mean).square().mean() + (covariance - wanted_covariance).abs().mean()) / scale


def selective_consistency(target: Tensor, source: Tensor, shift: Tensor, keep: float) -> Tensor:
    """L_scc: the codes that the domain moves least stay the source's (DiFa).

    Mean over all channels of mask * |target - source|, the mask one for the ``keep`` share of channels whose mean
    moved least; ties count as kept.

    Args:
        target, source: W+ codes [N, D] of target images and of their sources.
        shift: how far the mean code has moved from source to target [D].
        keep: share of the channels that are held, 0 to 1.
    """
    count = round(keep * len(shift))
    if not count:
        return (target * 0).sum()
    moved = shift.abs()
    mask = (moved <= moved.kthvalue(count).values).to(target)
    return (mask * (target - source).abs()).mean()
