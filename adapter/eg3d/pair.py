"""Source and target of the same people, whatever a method changed."""

import torch
from torch import Tensor

from adapter.eg3d import Generator, Output, Parts


class PairRenderer:
    """N people as source and as target, the planes of both computed once.

    Args:
        generator: the source.
        parts: the target's.
        latents: z [N, z]; None where only ws are known.
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
        """Everyone as source and as target from labels [N, 25]."""
        return self.generator.pair(
            self.planes,
            self.ws,
            cameras.to(self.ws.device),
            self.parts,
            target_ws=self.target_ws,
            target_planes=self.target_planes,
        )
