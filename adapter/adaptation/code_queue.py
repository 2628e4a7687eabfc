"""What DiFa's selective consistency remembers from step to step."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adapter import losses
from adapter.methods.schema import LossTerm

GROUP = 8


class CodeQueue:
    """Two queues of batch means of W+ codes, source's and target's; L_scc compares their means (DiFa).

    Args:
        term: window, kept share and share of rows.
        inverter: maps images [N, 3, H, W] to W+ [N, num_ws, w], differentiable.
        sources: images of the pool, looked at once.
        steps: of the whole run.
    """

    @torch.no_grad()
    def __init__(self, term: LossTerm, inverter: Callable[[Tensor], Tensor], sources: Tensor, steps: int) -> None:
        self.term, self.inverter, self.steps = term, inverter, steps
        self.sources = torch.cat([self._codes(group) for group in sources.split(GROUP)])
        self.queues = [self.sources.new_zeros(0, self.sources.shape[1]) for _ in range(2)]

    def _codes(self, images: Tensor) -> Tensor:
        ws = self.inverter(images)
        return ws[:, : max(1, round(self.term.rows * ws.shape[1]))].flatten(1)

    def loss(self, images: Tensor, index: Sequence[int], step: int) -> Tensor:
        """L_scc of a batch, times its ramp: 0 up to the window, then rising to 1 at the end of the run."""
        source, target = self.sources[index], self._codes(images)
        new = source.mean(dim=0), target.detach().mean(dim=0)
        self.queues = [
            torch.cat([queue, mean[None]])[-self.term.window :] for queue, mean in zip(self.queues, new, strict=True)
        ]
        ramp = max(0.0, (step - self.term.window) / max(1, self.steps - self.term.window))
        shift = self.queues[1].mean(dim=0) - self.queues[0].mean(dim=0)
        return ramp * losses.selective_consistency(target, source, shift, self.term.keep)

    def memory(self) -> dict[str, Tensor]:
        """The queues."""
        return {"source": self.queues[0], "target": self.queues[1]}

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Take up what `memory` gave."""
        self.queues = [memory[name].to(self.sources) for name in ("source", "target")]
