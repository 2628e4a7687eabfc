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
    """

    @torch.no_grad()
    def __init__(self, generator: Generator, parts: Parts, latents: Tensor | None, ws: Tensor) -> None:
        self.generator, self.parts, self.ws = generator, parts, ws
        self.planes = generator.planes(ws)
        self.target_ws = parts.rows(ws, None if latents is None else latents.to(ws.device))
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
