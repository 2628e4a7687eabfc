"""L_I-str and L_F-str: images and rendered features keep the self-similarity of their sources."""

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.losses.base import Batch, Loss, TokenLoss, register
from adapter.losses.points import grid_points, unit
from adapter.methods import loss_terms


def image_structure(target: Tensor, source: Tensor) -> Tensor:
    """L_I-str: mean squared difference of the token self-similarities of target and source images.

    The self-similarity of an image is the cosine of each of its tokens with each other one [N, T, T]. The name is
    3D-Adapter's, the formula DoRM's similarity-based structure loss.

    Args:
        target: tokens of target images [N, T, C].
        source: tokens of the source images of the same latents and cameras [N, T, C].

    Returns:
        Scalar, zero where the two are equal.
    """
    target, source = unit(target), unit(source)
    count, channels = target.shape[1:]
    if channels >= count:
        return F.mse_loss(target @ target.mT, source @ source.mT)
    # |A A' - B B'|^2 = |A' A|^2 - 2 |A' B|^2 + |B' B|^2: the same from products of channels, of which there are fewer.
    own, shared, goal = target.mT @ target, target.mT @ source, source.mT @ source
    return (own.square() - 2 * shared.square() + goal.square()).sum() / (len(target) * count**2)


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
    return image_structure(_centered_tokens(target, side), _centered_tokens(source, side))


def _centered_tokens(features: Tensor, side: int) -> Tensor:
    tokens = grid_points(features, side)
    return tokens - tokens.mean(dim=1, keepdim=True)


@register("image_structure")
class ImageStructure(TokenLoss):
    """L_I-str of an encoder's tokens."""

    compared_with = "source"

    def compare(self, target: Tensor, goal: Tensor, random: torch.Generator) -> Tensor:
        """L_I-str."""
        return image_structure(target, goal)


@register("feature_structure")
class FeatureStructure(Loss):
    """L_F-str of the rendered features."""

    reads_raw = True
    term: loss_terms.FeatureStructure
    reads_features = True

    def __call__(self, batch: Batch) -> Tensor:
        """The features of the target against the same features of the source."""
        assert batch.features is not None
        return feature_structure(batch.features, self.context.sources.features[batch.index], self.term.side)
