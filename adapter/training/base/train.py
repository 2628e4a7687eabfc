"""The training loop: resumable, the same on CPU and GPU."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.generator import Generator
from adapter.eg3d.pretrained import Eg3d
from adapter.training.base.data import Renders
from adapter.training.base.objective import Weights, regression_losses
from adapter.training.base.start import prepare
from adapter.utils.storage import read_metadata, read_tensors, write_tensors

AVERAGE_LATENTS = 10_000
"""Latents whose mean becomes the truncation centre."""


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a run. ``patch`` is in raw pixels; a share ``whole`` of the batches sees whole images.

    The learning rate rises for ``warmup`` steps, stays, and falls to a twentieth over the last ``cooldown`` share of
    the steps, so a run can be resumed with another number of steps at any time before it falls.
    """

    steps: int = 16_000
    identities: int = 5
    views: int = 2
    patch: int = 32
    whole: float = 0.08
    rate: float = 6e-3
    warmup: int = 150
    cooldown: float = 0.35
    ema: float = 0.997
    clip: float = 2.0
    seed: int = 0
    weights: Weights = field(default_factory=Weights)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        fall_from = self.steps * (1 - self.cooldown)
        fallen = max(0.0, step - fall_from) / max(1.0, self.steps - fall_from)
        return self.rate * min(1.0, (step + 1) / self.warmup) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * fallen)))


@dataclass
class Run:
    """The state of a run between steps. ``config`` is that of the finished generator."""

    config: Eg3dConfig
    generator: Eg3d
    average: Eg3d
    optimizer: torch.optim.Adam
    step: int = 0


def trainable(generator: Generator) -> dict[str, torch.nn.Parameter]:
    """Parameters by name, without the noise strengths: a regression has no use for noise."""
    return {name: value for name, value in generator.named_parameters() if not name.endswith("noise_strength")}


def begin(config: Eg3dConfig, directions: Tensor, recipe: Recipe, device: str = "cpu") -> Run:
    """A fresh run."""
    torch.manual_seed(recipe.seed)
    generator = Eg3d(_for_patches(config))
    prepare(generator, directions)
    generator.to(device)
    return Run(config, generator, copy.deepcopy(generator).eval(), _optimizer(generator, recipe))


def _for_patches(config: Eg3dConfig) -> Eg3dConfig:
    """Super-resolution that takes patches of any size, so without noise of a fixed size."""
    return replace(config, superresolution=replace(config.superresolution, resize="never", noise_mode="none"))


def _optimizer(generator: Generator, recipe: Recipe) -> torch.optim.Adam:
    return torch.optim.Adam(trainable(generator).values(), lr=recipe.rate, betas=(0.9, 0.99))


def save(run: Run, path: Path) -> None:
    """Write the whole state in one step."""
    tensors = {f"generator/{name}": value for name, value in run.generator.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in run.average.state_dict().items()}
    for name, value in trainable(run.generator).items():
        for key, moment in run.optimizer.state[value].items():
            tensors[f"optimizer/{name}/{key}"] = moment
    write_tensors(path, tensors, {"step": str(run.step)})


def restore(run: Run, path: Path) -> None:
    """Read the whole state into a run of the same configuration; changed in place."""
    tensors = read_tensors(path)
    run.step = int(read_metadata(path)["step"])
    for prefix, module in (("generator/", run.generator), ("average/", run.average)):
        module.load_state_dict({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
    for name, value in trainable(run.generator).items():
        run.optimizer.state[value] = {
            key: tensors[f"optimizer/{name}/{key}"].to("cpu" if key == "step" else value.device)
            for key in ("step", "exp_avg", "exp_avg_sq")
        }


def train(
    run: Run, renders: Renders, recipe: Recipe, perceive: Callable[[Tensor], list[Tensor]]
) -> Iterator[dict[str, float]]:
    """Train until ``recipe.steps``; yields smoothed loss terms, step and seconds per step after each step."""
    generator = run.generator.train().requires_grad_(True)
    device = next(generator.parameters()).device
    parameters = list(trainable(generator).values())
    raw_size = generator.config.raw_resolution
    rng = np.random.default_rng((recipe.seed, run.step))
    random = torch.Generator(device).manual_seed(recipe.seed + run.step)
    smooth: dict[str, float] = {}
    started, first = time.monotonic(), run.step
    while run.step < recipe.steps:
        for group in run.optimizer.param_groups:
            group["lr"] = recipe.rate_at(run.step)
        whole = rng.random() < recipe.whole
        count = max(1, recipe.identities // 3) if whole else recipe.identities
        batch = renders.batch(rng, count, recipe.views, raw_size if whole else recipe.patch, raw_size).to(device)
        terms = regression_losses(generator, batch, perceive, recipe.weights, random)
        run.optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        terms["gradient"] = torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
        run.optimizer.step()
        keep = min(recipe.ema, (1 + run.step) / (10 + run.step))
        with torch.no_grad():
            averaged = list(trainable(run.average).values())
            torch._foreach_lerp_(averaged, parameters, 1 - keep)
        run.step += 1
        for name, value in terms.items():
            smooth[name] = smooth.get(name, float(value.detach())) * 0.98 + 0.02 * float(value.detach())
        yield {
            **smooth,
            "step": run.step,
            "rate": recipe.rate_at(run.step),
            "seconds": (time.monotonic() - started) / (run.step - first),
        }


@torch.no_grad()
def finish(run: Run) -> Eg3d:
    """The averaged generator with its truncation centre measured, on the CPU."""
    generator = Eg3d(run.config).eval().requires_grad_(False)
    generator.load_state_dict(run.average.state_dict())
    random = torch.Generator().manual_seed(0)
    z = torch.randn(AVERAGE_LATENTS, generator.config.z_dim, generator=random)
    generator.backbone.mapping.w_avg.copy_(generator.mapping(z)[:, 0].mean(dim=0))
    for name, value in generator.named_parameters():
        if name.endswith("noise_strength"):
            value.zero_()
    return generator
