"""L_dis: the tokens of an image are distributed as those of the reference."""

import torch
from torch import Tensor

from adapter.losses.base import LossContext, TokenLoss, register
from adapter.losses.points import place_costs, thinning, unit
from adapter.methods import loss_terms


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


@register("token_distribution")
class TokenDistribution(TokenLoss):
    """Compares at most ``points`` random tokens of each target with all tokens of the references."""

    term: loss_terms.TokenDistribution

    def __init__(self, term: loss_terms.TokenDistribution, context: LossContext) -> None:
        super().__init__(term, context)
        self._costs: dict[int, Tensor] = {}

    def compare(self, target: Tensor, goal: Tensor, random: torch.Generator) -> Tensor:
        """L_dis."""
        far = self._place_costs(target, len(goal)) if self.term.place else None
        if target.shape[1] > self.term.points:
            some = thinning(target.shape[1], self.term.points, random)
            target, far = target[:, some], None if far is None else far[some]
        return token_distribution(target, goal.flatten(0, 1), far)

    def _place_costs(self, target: Tensor, pictures: int) -> Tensor:
        """The same in every step, so kept."""
        count = target.shape[1]
        if count not in self._costs:
            self._costs[count] = place_costs(count, pictures, self.term.place).to(target.device)
        return self._costs[count]
