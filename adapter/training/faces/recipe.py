"""Everything that shapes a run, apart from the network itself."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Weights:
    """Weights of the terms that the regression minimizes."""

    final: float = 1.0
    raw: float = 1.0
    mask: float = 2.0
    depth: float = 8.0
    empty: float = 0.1
    lpips: float = 3.0
    raw_lpips: float = 2.0


@dataclass(frozen=True)
class Recipe:
    """Steps, batches and rates.

    A share ``overviews`` of the steps sees whole images of ``overview_people`` without super-resolution. All others
    have ``people`` with ``views`` each, cut to patches of ``patch``
    raw pixels, or, a share ``whole`` of them, whole images of ``whole_people``. LPIPS sees ``judged`` of the
    patches.

    ``adversarial`` weighs the loss of `critic.Critic` on super-resolved images; 0 trains without it.

    The rate rises for ``warmup`` steps, stays, and falls to a twentieth over the last ``cooldown`` share of ``steps``.
    A ray has ``looking`` samples that look for density without gradient, then ``even`` and ``fine`` ones that are
    decoded.
    """

    steps: int = 6000
    overviews: float = 0.2
    overview_people: int = 4
    overview_views: int = 4
    people: int = 3
    views: int = 4
    whole_people: int = 2
    whole_views: int = 2
    patch: int = 32
    whole: float = 0.75
    judged: int = 6
    rate: float = 4e-3
    warmup: int = 50
    cooldown: float = 0.4
    ema: float = 0.995
    clip: float = 2.0
    adversarial: float = 0.03
    looking: int = 12
    even: int = 6
    fine: int = 12
    seed: int = 0
    weights: Weights = field(default_factory=Weights)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        fall_from = self.steps * (1 - self.cooldown)
        fallen = min(1.0, max(0.0, step - fall_from) / max(1.0, self.steps - fall_from))
        return self.rate * min(1.0, (step + 1) / self.warmup) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * fallen)))
