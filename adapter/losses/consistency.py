"""L_scc, DiFa's selective cross-domain consistency: W+ codes that the domain leaves alone stay the source's."""

import torch
from torch import Tensor

from adapter.losses.base import Batch, Loss, LossContext, register
from adapter.methods import loss_terms

GROUP = 8
"""Sources whose codes are computed together."""


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


@register("consistency")
class Consistency(Loss):
    """Keeps two queues of batch means of W+ codes, the source's and the target's; their means give the shift."""

    term: loss_terms.Consistency

    @torch.no_grad()
    def __init__(self, term: loss_terms.Consistency, context: LossContext) -> None:
        super().__init__(term, context)
        self.source_codes = torch.cat([self._codes(group) for group in context.sources.images.split(GROUP)])
        self.queues = [self.source_codes.new_zeros(0, self.source_codes.shape[1]) for _ in range(2)]

    def _codes(self, images: Tensor) -> Tensor:
        assert self.context.inverter is not None
        ws = self.context.inverter(images)
        return ws[:, : max(1, round(self.term.rows * ws.shape[1]))].flatten(1)

    def __call__(self, batch: Batch) -> Tensor:
        """L_scc times its ramp: 0 up to the window, then rising to 1 at the end of the run."""
        source, target = self.source_codes[batch.index], self._codes(batch.images)
        means = source.mean(dim=0), target.detach().mean(dim=0)
        window = self.term.window
        self.queues = [torch.cat([q, mean[None]])[-window:] for q, mean in zip(self.queues, means, strict=True)]
        ramp = max(0.0, (batch.step - window) / max(1, self.context.steps - window))
        shift = self.queues[1].mean(dim=0) - self.queues[0].mean(dim=0)
        return ramp * selective_consistency(target, source, shift, self.term.keep)

    def state_dict(self) -> dict[str, Tensor]:
        """The queues."""
        return {"source": self.queues[0], "target": self.queues[1]}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore the queues."""
        self.queues = [state[name].to(self.source_codes) for name in ("source", "target")]
