"""One stage of a method: its optimizer, its averaged weights, and one step after the other."""

import math
from typing import Any

import torch
from torch import Tensor

from adapter.adaptation.checkpoint import TrainingState
from adapter.adaptation.colorless import share_colors
from adapter.adaptation.layer_selection import row_of, select_rows
from adapter.adaptation.looks import Looks
from adapter.adaptation.objective import Objective
from adapter.adaptation.parts import set_noise_strength, set_parameters
from adapter.adaptation.schedule import batch_of_step, learning_rate_share, random_of_step
from adapter.adaptation.source_cache import SourceCache
from adapter.eg3d import Generator, Parts
from adapter.eg3d.placement import training_dtype
from adapter.losses.base import total
from adapter.methods import Method

NOISE_STRENGTH = 0.05
"""From which the strengths of noise are trained: at 0 nothing says in which direction."""


class LossNotFinite(ArithmeticError):
    """A loss became NaN or infinite; the weights have not been changed by that step."""


class StageTrainer:
    """Trains the parts as a method's stage says; steps are numbered from 0 and depend on nothing but their number.

    Args:
        generator: the source.
        method, number: which stage of which method.
        parts: changed in place.
        sources: what is trained on.
        objective: the losses.
        seed: of the run.
        looks: of the references; see `adapter.adaptation.reference_looks`.
    """

    def __init__(
        self,
        generator: Generator,
        method: Method,
        number: int,
        parts: Parts,
        sources: SourceCache,
        objective: Objective,
        seed: int,
        looks: Looks,
    ) -> None:
        self.generator, self.method, self.number, self.parts = generator, method, number, parts
        self.sources, self.objective, self.seed = sources, objective, seed
        self.stage = stage = method.stages[number]
        self.steps_before = sum(earlier.steps for earlier in method.stages[:number])
        self.trained = {name: p for name, p in parts.named_parameters() if stage.rate(name) > 0}
        parts.requires_grad_(False)
        for parameter in self.trained.values():
            parameter.requires_grad_(True)
        self.looks = looks
        if looks.colorless:
            share_colors(parts, tint=True)
        if looks.textured and "superresolution.block0.conv0.noise_strength" in self.trained:
            set_noise_strength(parts, NOISE_STRENGTH)
        parts.decoder.fixed_density = stage.fixed_density
        parts.superresolution.dtype = training_dtype(generator)
        rates = sorted({stage.rate(name) for name in self.trained})
        self.optimizer = torch.optim.Adam(
            [
                {"params": [p for name, p in self.trained.items() if stage.rate(name) == rate], "rate": rate}
                for rate in rates
            ],
            betas=method.betas,
        )
        self.selected_rows: set[int] | None = None
        self.average = {name: p.detach().clone() for name, p in self.trained.items()}
        self.moves_features = any(not name.startswith("superresolution.") for name in self.trained)
        self._fixed_features = None if self.moves_features else sources.all_target_features(generator, parts)
        shape = sources.cameras, sources.depth, sources.opacity
        self._noise = None if stage.raw else generator.surface_noise(parts, *shape)

    def step(self, step: int) -> dict[str, float]:
        """Do one step.

        Returns:
            The weighted losses by name, and their sum as "total".

        Raises:
            LossNotFinite: nothing has been changed.
        """
        # 1. Batch, random numbers and learning rate follow from the number of the step.
        done = self.steps_before + step
        batch = batch_of_step(len(self.sources), self.method.batch, self.seed, done, self.method.views)
        # As a list it would be copied to a GPU at every use, and the host would wait.
        index = torch.tensor(batch).to(self.sources.images.device, non_blocking=True)
        random = random_of_step(self.seed, done)
        share = learning_rate_share(step, self.stage.steps, self.method.warmup, self.method.final_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * share
        # 2. Render the target.
        features, images = self._render(index)
        # 3. Compare.
        given = features if self.moves_features else None
        losses = self.objective(images, index, given, random, done, self.stage.raw)
        loss = total(losses.values())
        values = torch.stack([*losses.values(), loss]).detach().tolist()
        report = dict(zip((*losses, "total"), values, strict=True))
        if not math.isfinite(report["total"]):
            raise LossNotFinite
        # 4. Update the parameters, and whatever trains beside them.
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._drop_gradients_of_other_rows(step)
        self.optimizer.step()
        if self.looks.colorless:
            share_colors(self.parts)
        self.objective.after_step(images.detach(), random)
        # 5. Average the weights.
        decay = min(self.method.ema, (1 + step) / (5 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), [*self.trained.values()], 1 - decay)
        return report

    def _render(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The target's features [N, F, R, R] and images [N, 3, H, W], or raw renderings, of some pairs."""
        if self._fixed_features is None:
            features = self.sources.target_features(self.generator, index, self.parts)
        else:
            features = self._fixed_features[index]
        if self.stage.raw:
            return features, features[:, :3]
        ws = self.sources.target_ws(index, self.parts)
        noise = None if self._noise is None else [one[index] for one in self._noise]
        return features, self.generator.superresolve(features, ws, self.parts, noise)

    def _drop_gradients_of_other_rows(self, step: int) -> None:
        """StyleGAN-NADA's adaptive choice of layers, for methods that use it."""
        if not self.method.auto_layers:
            return
        if self.selected_rows is None or step % self.method.auto_every == 0:
            loss, count = self.objective.global_loss, self.method.auto_layers
            self.selected_rows = select_rows(self.generator, self.sources, self.parts, loss, count)
        for name, parameter in self.trained.items():
            row = row_of(name, self.parts)
            if row is not None and row not in self.selected_rows:
                parameter.grad = None

    def adopt_average(self) -> None:
        """End the stage: the averaged weights become the weights."""
        set_parameters(self.parts, self.average)

    def averaged(self) -> dict[str, Tensor]:
        """All parameters of the parts by name, those in training as averaged."""
        return {name: p.detach() for name, p in self.parts.named_parameters()} | self.average

    def state(self, steps: int, identity: dict[str, Any]) -> TrainingState:
        """The state of the run after ``steps`` steps of this stage; after the last, the start of the next stage."""
        weights = {name: p.detach() for name, p in self.parts.named_parameters()}
        kept = self.objective.state_dict()
        if steps == self.stage.steps:
            return TrainingState(self.number + 1, 0, weights, {}, {}, {}, kept, identity).to_cpu()
        adam = {name: self.optimizer.state[p] for name, p in self.trained.items() if self.optimizer.state[p]}
        kept |= {f"steps/{name}": one["step"] for name, one in adam.items()}
        if self.selected_rows is not None:
            kept["selected_rows"] = torch.tensor(sorted(self.selected_rows))
        return TrainingState(
            stage=self.number,
            step=steps,
            weights=weights,
            average=self.average,
            exp_avg={name: one["exp_avg"] for name, one in adam.items()},
            exp_avg_sq={name: one["exp_avg_sq"] for name, one in adam.items()},
            kept=kept,
            identity=identity,
        ).to_cpu()

    def restore(self, state: TrainingState) -> None:
        """Continue from a state of this very stage."""
        set_parameters(self.parts, state.weights)
        for name, parameter in self.trained.items():
            self.average[name].copy_(state.average[name])
            if name in state.exp_avg:
                self.optimizer.state[parameter] = {
                    "step": state.kept[f"steps/{name}"].clone(),
                    "exp_avg": state.exp_avg[name].to(parameter, copy=True),
                    "exp_avg_sq": state.exp_avg_sq[name].to(parameter, copy=True),
                }
        if "selected_rows" in state.kept:
            self.selected_rows = set(state.kept["selected_rows"].tolist())
