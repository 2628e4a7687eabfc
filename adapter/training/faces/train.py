"""The training loop: resumable at any step, on one thread."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from adapter.eg3d.front import FrontReader
from adapter.eg3d.pretrained import Eg3d
from adapter.training.faces.critic import RATE, Critic, critic_loss, generator_loss
from adapter.training.faces.dataset import RAW, People
from adapter.training.faces.front_features import KEPT
from adapter.training.faces.network import FACES, Whitening, start, start_reader, trained_parameters
from adapter.training.faces.objective import Pictures, losses
from adapter.training.faces.perceptual import Lpips
from adapter.training.faces.recipe import Recipe
from adapter.utils.storage import read_metadata, read_tensors, write_tensors

READER_RATE = 0.35
"""Learning rate of the front's reader, as a share: its layers are not equalized as StyleGAN's are."""


@dataclass
class Run:
    """The state of a run between steps."""

    generator: Eg3d
    average: Eg3d
    reader: FrontReader
    average_reader: FrontReader
    optimizer: torch.optim.Adam
    whitening: Whitening
    critic: Critic
    critic_optimizer: torch.optim.Adam
    step: int = 0

    def trained(self) -> dict[str, nn.Parameter]:
        """What training changes, by name."""
        own = {f"reader.{name}": value for name, value in self.reader.named_parameters()}
        return {**trained_parameters(self.generator), **own}

    def averaged(self) -> list[Tensor]:
        """The averages of `trained`, in the same order."""
        return [*trained_parameters(self.average).values(), *self.average_reader.parameters()]

    def modules(self) -> dict[str, nn.Module]:
        """All modules under the prefixes that a state file has."""
        return {
            "generator/": self.generator,
            "average/": self.average,
            "reader/": self.reader,
            "average_reader/": self.average_reader,
            "critic/": self.critic,
        }


def begin(whitening: Whitening, grid: Tensor, recipe: Recipe) -> Run:
    """A fresh run; ``grid`` [R, R, 2] is where front pictures show the XY plane."""
    torch.manual_seed(recipe.seed)
    generator, reader = start(FACES), start_reader(FACES, grid, (KEPT, KEPT))
    groups = [
        {"params": list(trained_parameters(generator).values()), "share": 1.0},
        {"params": list(reader.parameters()), "share": READER_RATE},
    ]
    optimizer = torch.optim.Adam(groups, lr=recipe.rate, betas=(0.9, 0.99))
    critic = Critic()
    return Run(
        generator=generator,
        average=copy.deepcopy(generator).eval(),
        reader=reader,
        average_reader=copy.deepcopy(reader).eval(),
        optimizer=optimizer,
        whitening=whitening,
        critic=critic,
        critic_optimizer=torch.optim.Adam(critic.parameters(), lr=RATE, betas=(0.0, 0.99)),
    )


def save(run: Run, path: Path) -> None:
    """Write the whole state in one step."""
    tensors = {"whitening/center": run.whitening.center, "whitening/matrix": run.whitening.matrix}
    for prefix, module in run.modules().items():
        tensors |= {prefix + name: value for name, value in module.state_dict().items()}
    for name, value in run.trained().items():
        for key, moment in run.optimizer.state.get(value, {}).items():
            tensors[f"optimizer/{name}/{key}"] = moment
    write_tensors(path, tensors, {"step": str(run.step)})


def restore(path: Path, recipe: Recipe) -> Run:
    """Read what `save` wrote."""
    tensors = read_tensors(path)
    whitening = Whitening(tensors["whitening/center"], tensors["whitening/matrix"])
    run = begin(whitening, tensors["reader/grid"], recipe)
    run.step = int(read_metadata(path)["step"])
    for prefix, module in run.modules().items():
        own = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        # A state of before the adversarial finish has no critic.
        if own or prefix != "critic/":
            module.load_state_dict(own)
    for name, value in run.trained().items():
        state = {key: tensors.get(f"optimizer/{name}/{key}") for key in ("step", "exp_avg", "exp_avg_sq")}
        if all(moment is not None for moment in state.values()):
            run.optimizer.state[value] = state
    return run


def train(
    run: Run, people: People, recipe: Recipe, perceive: Lpips, until: int | None = None
) -> Iterator[dict[str, float]]:
    """Train until step ``until``, or ``recipe.steps``; yields smoothed loss terms, step and seconds per step."""
    run.generator.train().requires_grad_(False)
    trained = run.trained()
    for value in trained.values():
        value.requires_grad_(True)
    averaged = run.averaged()
    rng = np.random.default_rng((recipe.seed, run.step))
    random = torch.Generator().manual_seed(recipe.seed + run.step)
    smooth: dict[str, float] = {}
    started, first = time.monotonic(), run.step
    while run.step < min(recipe.steps, until or recipe.steps):
        for group in run.optimizer.param_groups:
            group["lr"] = recipe.rate_at(run.step) * group["share"]
        terms, pictures = _step_losses(run, people, recipe, perceive, rng, random)
        if recipe.adversarial and pictures is not None:
            run.critic.requires_grad_(False)
            terms["adversarial"] = recipe.adversarial * generator_loss(run.critic, pictures.made)
        run.optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        terms["gradient"] = torch.nn.utils.clip_grad_norm_(list(trained.values()), recipe.clip)
        run.optimizer.step()
        if recipe.adversarial and pictures is not None:
            terms["critic"] = _train_critic(run, pictures)
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
) -> tuple[dict[str, Tensor], Pictures | None]:
    counts = (recipe.looking, recipe.even, recipe.fine)
    if rng.random() < recipe.overviews:
        batch = people.overview(rng, recipe.overview_people, recipe.overview_views)
    elif rng.random() < recipe.whole:
        batch = people.batch(rng, recipe.whole_people, recipe.whole_views, RAW)
    else:
        batch = people.batch(rng, recipe.people, recipe.views, recipe.patch)
    latents = run.whitening(batch.w)
    return losses(run.generator, run.reader, batch, latents, perceive, recipe.weights, counts, recipe.judged, random)


def _train_critic(run: Run, pictures: Pictures) -> Tensor:
    run.critic.requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16):
        loss = critic_loss(run.critic, pictures.made, pictures.true)
    run.critic_optimizer.zero_grad(set_to_none=True)
    loss.backward()
    run.critic_optimizer.step()
    return loss
