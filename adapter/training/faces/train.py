"""The training loop: resumable at any step, on one thread."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from adapter.eg3d.pretrained import Eg3d
from adapter.training.faces.dataset import RAW, People
from adapter.training.faces.network import FACES, Whitening, start, trained_parameters
from adapter.training.faces.objective import losses
from adapter.training.faces.perceptual import Lpips
from adapter.training.faces.recipe import Recipe
from adapter.utils.storage import read_metadata, read_tensors, write_tensors


@dataclass
class Run:
    """The state of a run between steps."""

    generator: Eg3d
    average: Eg3d
    optimizer: torch.optim.Adam
    whitening: Whitening
    step: int = 0


def begin(whitening: Whitening, recipe: Recipe) -> Run:
    """A fresh run."""
    torch.manual_seed(recipe.seed)
    generator = start(FACES)
    optimizer = torch.optim.Adam(trained_parameters(generator).values(), lr=recipe.rate, betas=(0.9, 0.99))
    return Run(generator, copy.deepcopy(generator).eval(), optimizer, whitening)


def save(run: Run, path: Path) -> None:
    """Write the whole state in one step."""
    tensors = {"whitening/center": run.whitening.center, "whitening/matrix": run.whitening.matrix}
    for prefix, module in (("generator/", run.generator), ("average/", run.average)):
        tensors |= {prefix + name: value for name, value in module.state_dict().items()}
    for name, value in trained_parameters(run.generator).items():
        for key, moment in run.optimizer.state.get(value, {}).items():
            tensors[f"optimizer/{name}/{key}"] = moment
    write_tensors(path, tensors, {"step": str(run.step)})


def restore(path: Path, recipe: Recipe) -> Run:
    """Read what `save` wrote."""
    tensors = read_tensors(path)
    run = begin(Whitening(tensors["whitening/center"], tensors["whitening/matrix"]), recipe)
    run.step = int(read_metadata(path)["step"])
    for prefix, module in (("generator/", run.generator), ("average/", run.average)):
        module.load_state_dict({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
    for name, value in trained_parameters(run.generator).items():
        state = {key: tensors.get(f"optimizer/{name}/{key}") for key in ("step", "exp_avg", "exp_avg_sq")}
        if all(moment is not None for moment in state.values()):
            run.optimizer.state[value] = state
    return run


def train(
    run: Run, people: People, recipe: Recipe, perceive: Lpips, until: int | None = None
) -> Iterator[dict[str, float]]:
    """Train until step ``until``, or ``recipe.steps``; yields smoothed loss terms, step and seconds per step."""
    generator = run.generator.train()
    trained = trained_parameters(generator)
    generator.requires_grad_(False)
    for value in trained.values():
        value.requires_grad_(True)
    averaged = list(trained_parameters(run.average).values())
    rng = np.random.default_rng((recipe.seed, run.step))
    random = torch.Generator().manual_seed(recipe.seed + run.step)
    smooth: dict[str, float] = {}
    started, first = time.monotonic(), run.step
    while run.step < min(recipe.steps, until or recipe.steps):
        for group in run.optimizer.param_groups:
            group["lr"] = recipe.rate_at(run.step)
        terms = _step_losses(run, people, recipe, perceive, rng, random)
        run.optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        terms["gradient"] = torch.nn.utils.clip_grad_norm_(list(trained.values()), recipe.clip)
        run.optimizer.step()
        keep = min(recipe.ema, (1 + run.step) / (10 + run.step))
        with torch.no_grad():
            torch._foreach_lerp_(averaged, list(trained.values()), 1 - keep)
        run.step += 1
        for name, value in terms.items():
            smooth[name] = smooth.get(name, float(value.detach())) * 0.98 + 0.02 * float(value.detach())
        seconds = (time.monotonic() - started) / (run.step - first)
        yield {**smooth, "step": run.step, "rate": recipe.rate_at(run.step), "seconds": seconds}


def _step_losses(
    run: Run, people: People, recipe: Recipe, perceive: Lpips, rng: np.random.Generator, random: torch.Generator
) -> dict[str, torch.Tensor]:
    counts = (recipe.looking, recipe.even, recipe.fine)
    coarse, judged = run.step < recipe.coarse, recipe.judged
    if coarse or rng.random() < recipe.overviews:
        batch = people.overview(rng, recipe.coarse_people, recipe.coarse_views)
    elif rng.random() < recipe.whole:
        batch = people.batch(rng, max(1, recipe.people // 3), recipe.views, RAW)
        judged = max(1, recipe.judged // 4)
    else:
        batch = people.batch(rng, recipe.people, recipe.views, recipe.patch)
    latents = run.whitening(batch.w)
    return losses(run.generator, batch, latents, perceive, recipe.weights, counts, judged, random, finest=not coarse)
