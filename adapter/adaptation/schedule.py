"""What a step uses: its share of the learning rate, its batch, and its random numbers."""

import math

import torch


def learning_rate_share(step: int, steps: int, warmup: int, final: float) -> float:
    """Share of the learning rate at a step: linear warm-up times a cosine from 1 down to ``final``."""
    rise = min(1.0, (step + 1) / max(1, warmup))
    return rise * (final + (1 - final) * (0.5 + 0.5 * math.cos(math.pi * step / steps)))


def batch_of_step(size: int, batch: int, seed: int, step: int, views: int = 1) -> list[int]:
    """Places in a pool of ``size`` that a step trains on: every pair once a round, in an order drawn per round.

    An identity's ``views``, which follow each other in the pool, stay together.
    """
    turn, place = divmod(step, size // batch)
    order = torch.randperm(size // views, generator=random_of_step(seed, -1 - turn))
    identities = order[place * batch // views : (place + 1) * batch // views]
    return (identities[:, None] * views + torch.arange(views)).flatten().tolist()


def random_of_step(seed: int, number: int) -> torch.Generator:
    """A source of random numbers that depends on the run's seed and a step's number alone."""
    return torch.Generator().manual_seed((seed * 1_000_003 + number * 7919 + 104_729) % 2**63)
