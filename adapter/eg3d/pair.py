"""The same identities in the source and in the target domain, whichever parts a method trained."""

import torch
from torch import Tensor

from adapter.eg3d import Generator, Output, Parts


class PairRenderer:
    """Renders N identities as source and as target; the planes of both are computed once.

    Args:
        generator: the source.
        parts: the target's.
        latents: z [N, z]; None if only ws are known.
        ws: [N, num_ws, w].
        truncation_psi: that the ws were made with.
        target_ws: of the target, see `Parts.rows`; made from the others where None.
    """

    @torch.no_grad()
    def __init__(
        self,
        generator: Generator,
        parts: Parts,
        latents: Tensor | None,
        ws: Tensor,
        truncation_psi: float = 1.0,
        target_ws: Tensor | None = None,
    ) -> None:
        self.generator, self.parts, self.ws = generator, parts, ws
        self.planes = generator.planes(ws)
        if target_ws is None:
            target_ws = parts.rows(ws, None if latents is None else latents.to(ws.device), truncation_psi)
        self.target_ws = target_ws
        self.target_planes = None
        if parts.synthesis is not None:
            self.target_planes = generator.planes(self.target_ws, synthesis=parts.synthesis)

    @torch.no_grad()
    def render(self, cameras: Tensor) -> tuple[Output, Output]:
        """Source and target of every identity from labels [N, 25]."""
        return self.generator.pair(
            self.planes,
            self.ws,
            cameras.to(self.ws.device),
            self.parts,
            target_ws=self.target_ws,
            target_planes=self.target_planes,
        )
