"""One person, found in a portrait and edited, in the base and in a domain."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from adapter.eg3d import Generator, Parts
from adapter.eg3d.pair import PairRenderer
from adapter.latents.directions import Directions, edit_codes
from adapter.latents.person import Person
from adapter.media.images import to_uint8
from adapter.scene import Pairs, camera
from adapter.utils.parallel import stream


class PersonScene:
    """A `adapter.scene.Scene` of one person.

    Args:
        generator: the base.
        person: who is seen.
        parts: of the target.
        amounts: edits by name, in standard deviations.
        directions: of the edits, in w; needed if there are amounts.
    """

    @torch.no_grad()
    def __init__(
        self,
        generator: Generator,
        person: Person,
        parts: Parts,
        amounts: Mapping[str, float] | None = None,
        directions: Directions | None = None,
    ) -> None:
        ws = person.ws[None].to(generator.device)
        if amounts and directions is not None:
            ws = edit_codes(ws, amounts, directions)
        self.generator, self.ws = generator, ws
        self.pairing = PairRenderer(generator, parts, None, ws)
        self.pairing.planes = person.add_to(self.pairing.planes)
        if self.pairing.target_planes is not None:
            self.pairing.target_planes = person.add_to(self.pairing.target_planes)

    def pairs(self, yaw: float = 0.0, pitch: float = 0.0, zoom: float = 1.0) -> Pairs:
        """The person as source and as target from one camera."""
        source, target = self.pairing.render(camera(self.generator.config, 1, yaw, pitch, zoom))
        return Pairs(to_uint8(source.image), to_uint8(target.image))

    def along(self, poses: Sequence[tuple[float, float]], zoom: float = 1.0) -> Iterator[Pairs]:
        """The person from each of several (yaw, pitch), in their order; on a CPU several at once."""
        return stream(lambda pose: self.pairs(*pose, zoom), poses, self.ws.device)
