"""Seconds of a GPU that jobs take: counted work, times what a card needs for it. Loads no torch.

The work is that of FFHQ512 with ViT-B/32 in batches of two, as `tests/gpu/test_full_size.py` counts it. What cards need
is modelled from their memory and arithmetic, not measured; `python -m adapter.evaluation.gpu_check` measures it.
"""

import math
from dataclasses import dataclass

import spaces

from adapter.methods import Method, Stage
from adapter.methods.offers import training_steps

OPERATION = 0.012
"""Milliseconds in which the host starts an operation; small ones take no less."""
MARGIN = 1.3
"""By which more is asked for than is expected."""
STARTING = 9.0
"""Seconds until a worker's models are on the card and its kernels are chosen."""
FRAMES = 45
"""Pictures of three people that a result shows: the orbit, and the grid's views."""
_BATCH, _STEPS_A_PREVIEW = 2, 20


@dataclass(frozen=True)
class Card:
    """A GPU.

    Args:
        gigabyte, gigaflop: milliseconds to move or to compute that much.
        factor: by which ZeroGPU multiplies the seconds that a Space asks for.
    """

    gigabyte: float
    gigaflop: float
    factor: float = 1.0


@dataclass(frozen=True)
class Work:
    """What a step does: operations, gigabytes moved, gigaflops."""

    operations: int
    gigabytes: float
    gigaflops: float

    def seconds(self, card: Card) -> float:
        """How long it takes; the host starts operations while the card computes."""
        computing = self.gigabytes * card.gigabyte + self.gigaflops * card.gigaflop
        return max(self.operations * OPERATION, computing) / 1000


CARDS: dict[str, Card] = {
    "H100": Card(0.45, 0.0091),
    "part of an H200": Card(0.63, 0.020),
    "RTX PRO 6000": Card(0.86, 0.0104, 1.5),
    "half an RTX PRO 6000": Card(1.63, 0.0169, 1.5),
}
"""ZeroGPU lends the second and the last one; the third one to those who ask for it."""
SLOWEST = CARDS["half an RTX PRO 6000"]

STEPS: dict[str, Work] = {
    "remodulation": Work(2800, 41, 1770),
    "synthesis": Work(2700, 47, 1860),
    "decoder": Work(1200, 26, 900),
    "superresolution": Work(1260, 13.5, 1220),
    "adversarial": Work(2950, 56, 2070),
    "pixels": Work(1000, 2.5, 45),
}
"""A step of a stage, by what it trains or how; of the most expensive method, and the most expensive part first."""
SOURCE = Work(300, 14, 440)
"""A picture of the pool, rendered and encoded."""
FRAME = Work(510, 41, 1280)
"""Three people as source and as target."""


def lent_card() -> Card:
    """The card that ZeroGPU lends to this Space; the slowest one elsewhere."""
    if not spaces.config.Config.zero_gpu:
        return SLOWEST
    from spaces.zero.config import get_config

    return CARDS["part of an H200"] if "H200" in get_config()["model"] else SLOWEST


def work_of(method: Method, stage: Stage) -> Work:
    """What a step of a method's stage does."""
    if method.per_frame:
        return STEPS["pixels"]
    if method.weight("adversarial"):
        return STEPS["adversarial"]
    trained = {part.split(".")[0] for part in stage.train}
    return next((work for part, work in STEPS.items() if part in trained), STEPS["superresolution"])


def training_seconds(method: Method, card: Card) -> float:
    """Seconds of a method's training, with its previews; of all pictures for one that paints each by itself."""
    if method.per_frame:
        return training_steps(method) * STEPS["pixels"].seconds(card)
    steps = sum(stage.steps * work_of(method, stage).seconds(card) for stage in method.stages)
    return steps * method.batch / _BATCH + method.steps / _STEPS_A_PREVIEW * FRAME.seconds(card)


def result_seconds(pool: int, card: Card) -> float:
    """Seconds to start, to prepare a pool of that many pictures, and to render a result."""
    return STARTING + pool * SOURCE.seconds(card) + FRAMES * FRAME.seconds(card)


def asked(seconds: float, card: Card) -> int:
    """What to ask of ZeroGPU for that many expected seconds: with a margin, without the factor that it adds itself."""
    return math.ceil(MARGIN * seconds / card.factor)
