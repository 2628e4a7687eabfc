"""One stage of a method: its optimiser, its averaged weights, and one step after the other."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from adapter.adaptation.checkpoint import TrainingState
from adapter.adaptation.layer_selection import chosen_rows, row_of
from adapter.adaptation.objective import Objective
from adapter.adaptation.parts import set_parameters
from adapter.adaptation.source_cache import Pool, target_features, target_rows
from adapter.eg3d import Generator, Parts
from adapter.methods.schema import Method


class LossNotFinite(ArithmeticError):
    """A loss became NaN or infinite; the weights have not been changed by that step."""


class StageTrainer:
    """Trains the parts as a method's stage says; steps are numbered from 0 and depend on nothing but their number.

    Args:
        generator: the source.
        method, number: which stage of which method.
        parts: changed in place.
        pool: the sources.
        objective: the losses.
        seed: of the run.
    """

    def __init__(
        self,
        generator: Generator,
        method: Method,
        number: int,
        parts: Parts,
        pool: Pool,
        objective: Objective,
        seed: int,
    ) -> None:
        self.generator, self.method, self.number, self.parts = generator, method, number, parts
        self.pool, self.objective, self.seed = pool, objective, seed
        self.stage = stage = method.stages[number]
        self.steps_before = sum(earlier.steps for earlier in method.stages[:number])
        self.trained = {name: p for name, p in parts.named_parameters() if stage.rate(name) > 0}
        for parameter in parts.parameters():
            parameter.requires_grad_(False)
        for parameter in self.trained.values():
            parameter.requires_grad_(True)
        rates = sorted({stage.rate(name) for name in self.trained})
        self.optimizer = torch.optim.Adam(
            [
                {"params": [p for name, p in self.trained.items() if stage.rate(name) == rate], "rate": rate}
                for rate in rates
            ],
            betas=method.betas,
        )
        self.choice: set[int] | None = None
        self.average = {name: p.detach().clone() for name, p in self.trained.items()}
        self.moves_features = any(not name.startswith("superresolution.") for name in self.trained)
        self._fixed = None if self.moves_features else render_features(generator, pool, parts)

    def restore(self, state: TrainingState) -> None:
        """Continue where a state of this very stage left off; the parts' weights are the caller's to set."""
        memory = state.memory
        for name, parameter in self.trained.items():
            self.average[name].copy_(state.average[name])
            if name in state.first:
                self.optimizer.state[parameter] = {
                    "step": memory[f"steps/{name}"].clone(),
                    "exp_avg": state.first[name].to(parameter, copy=True),
                    "exp_avg_sq": state.second[name].to(parameter, copy=True),
                }
        if "choice" in memory:
            self.choice = set(memory["choice"].tolist())

    def _memory(self) -> dict[str, Tensor]:
        kept = self.objective.memory()
        kept |= {
            f"steps/{name}": self.optimizer.state[p]["step"]
            for name, p in self.trained.items()
            if self.optimizer.state[p]
        }
        return kept if self.choice is None else kept | {"choice": torch.tensor(sorted(self.choice))}

    def step(self, step: int) -> dict[str, float]:
        """Do one step.

        Returns:
            The weighted losses by kind, and their sum as "total".

        Raises:
            LossNotFinite: nothing has been changed.
        """
        done = self.steps_before + step
        index = batch_of_step(len(self.pool), self.method.batch, self.seed, done, self.method.views)
        share = schedule(step, self.stage.steps, self.method.warmup, self.method.final_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * share
        if self._fixed is None:
            features = target_features(self.generator, self.pool, index, self.parts)
        else:
            features = self._fixed[index]
        rows = target_rows(self.pool, index, self.parts)
        images = self.generator.superresolve(features, rows, self.parts.superresolution)
        random = random_of_step(self.seed, done)
        losses = self.objective(images, index, features if self.moves_features else None, random, done)
        total = sum(losses.values())
        report = {name: float(value.detach()) for name, value in losses.items()} | {"total": float(total.detach())}
        if not math.isfinite(report["total"]):
            raise LossNotFinite
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self._freeze_unchosen(step)
        self.optimizer.step()
        self.objective.after_step(images.detach(), random)
        decay = min(self.method.ema, (1 + step) / (5 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), [*self.trained.values()], 1 - decay)
        return report

    def _freeze_unchosen(self, step: int) -> None:
        if not self.method.auto_layers:
            return
        if self.choice is None or step % self.method.auto_every == 0:
            loss, count = self.objective.global_loss, self.method.auto_layers
            self.choice = chosen_rows(self.generator, self.pool, self.parts, loss, count)
        for name, parameter in self.trained.items():
            row = row_of(name, self.parts)
            if row is not None and row not in self.choice:
                parameter.grad = None

    def adopt_average(self) -> None:
        """End the stage: the averaged weights become the weights."""
        set_parameters(self.parts, self.average)

    def averaged(self) -> dict[str, Tensor]:
        """All parameters of the parts by name, those in training as averaged."""
        return {name: p.detach() for name, p in self.parts.named_parameters()} | self.average

    def state(self, steps: int, identity: dict[str, Any]) -> TrainingState:
        """Where the run stands after ``steps`` steps of this stage; after the last, the start of the next stage."""
        weights = {name: p.detach() for name, p in self.parts.named_parameters()}
        if steps == self.stage.steps:
            return TrainingState(self.number + 1, 0, weights, {}, {}, {}, self.objective.memory(), identity).to_cpu()
        moments = {name: self.optimizer.state[p] for name, p in self.trained.items() if self.optimizer.state[p]}
        return TrainingState(
            stage=self.number,
            step=steps,
            weights=weights,
            average=self.average,
            first={name: moment["exp_avg"] for name, moment in moments.items()},
            second={name: moment["exp_avg_sq"] for name, moment in moments.items()},
            memory=self._memory(),
            identity=identity,
        ).to_cpu()


@torch.no_grad()
def render_features(generator: Generator, pool: Pool, parts: Parts) -> Tensor:
    """Rendered features [n, F, R, R] of every pair of a pool, one at a time to bound memory."""
    return torch.cat([target_features(generator, pool, slice(i, i + 1), parts) for i in range(len(pool))])


def schedule(step: int, steps: int, warmup: int, final: float) -> float:
    """Share of the learning rate at a step: linear warm-up times a cosine from 1 down to ``final``."""
    rise = min(1.0, (step + 1) / max(1, warmup))
    return rise * (final + (1 - final) * (0.5 + 0.5 * math.cos(math.pi * step / steps)))


def batch_of_step(size: int, batch: int, seed: int, step: int, views: int = 1) -> Sequence[int]:
    """Places in a pool of ``size`` that a step trains on: every pair once a round, in an order drawn per round.

    A person's ``views``, which follow each other in the pool, stay together.
    """
    turn, place = divmod(step, size // batch)
    order = torch.randperm(size // views, generator=random_of_step(seed, -1 - turn))
    people = order[place * batch // views : (place + 1) * batch // views]
    return (people[:, None] * views + torch.arange(views)).flatten().tolist()


def random_of_step(seed: int, number: int) -> torch.Generator:
    """A source of random numbers that depends on the run's seed and a step's number alone."""
    return torch.Generator().manual_seed((seed * 1_000_003 + number * 7919 + 104_729) % 2**63)
