"""Everything that shapes a run, apart from the network itself."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Weights:
    """Weights of the terms that the regression minimizes."""

    final: float = 1.0
    raw: float = 1.0
    mask: float = 1.0
    depth: float = 2.0
    lpips: float = 2.0
    raw_lpips: float = 2.0


@dataclass(frozen=True)
class Recipe:
    """Steps, batches and rates.

    The first ``coarse`` steps see overviews of ``coarse_people`` with ``coarse_views`` each, without super-resolution
    and the backbone's finest block; they cost least and teach most. Later a share ``overviews`` of the steps goes on
    with them, but with the finest block. All others have ``people`` with ``views`` each, cut to patches of ``patch``
    raw pixels, or, a share ``whole`` of them, whole images of a third of the people. LPIPS sees ``judged`` of the
    patches.

    The rate rises for ``warmup`` steps, stays, and falls to a twentieth over the last ``cooldown`` share of ``steps``.
    A ray has ``looking`` samples that look for density without gradient, then ``even`` and ``fine`` ones that are
    decoded.
    """

    steps: int = 6000
    coarse: int = 2500
    coarse_people: int = 12
    coarse_views: int = 2
    people: int = 10
    views: int = 2
    overviews: float = 0.4
    patch: int = 32
    whole: float = 0.1
    judged: int = 10
    rate: float = 5e-3
    warmup: int = 50
    cooldown: float = 0.4
    ema: float = 0.992
    clip: float = 2.0
    looking: int = 12
    even: int = 6
    fine: int = 8
    seed: int = 0
    weights: Weights = field(default_factory=Weights)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        fall_from = self.steps * (1 - self.cooldown)
        fallen = min(1.0, max(0.0, step - fall_from) / max(1.0, self.steps - fall_from))
        return self.rate * min(1.0, (step + 1) / self.warmup) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * fallen)))
