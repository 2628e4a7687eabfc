"""The adaptation itself: a generator of events that can be closed at any step and resumed from any preview."""

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from adapter.adaptation.domain import Domain, DomainMetadata, fingerprint, fingerprint_images
from adapter.adaptation.methods import Method, Stage
from adapter.adaptation.objective import Objective, reads_embedding, token_layers
from adapter.adaptation.parts import copy_parts, set_parameters
from adapter.adaptation.pool import Pool, cameras_around_front, draw_pairs, fill_pool, join
from adapter.adaptation.state import TrainingState
from adapter.eg3d import Eg3dConfig, Generator, Parts
from adapter.errors import UserError
from adapter.perception.encoder import ImageEncoder

PREPARING, FINISHED, FAILED = "Preparing", "Finished", "Failed"
PREVIEW_SEED = 7
PREVIEW_YAWS = (-0.3, 0.0, 0.3)
PREVIEW_PSI = 0.7


@dataclass(frozen=True)
class Event:
    """What happened in one step.

    Args:
        stage: `PREPARING`, the name of a stage, `FINISHED` or `FAILED`.
        step, total: steps done and to do, over all stages; while preparing, pairs done and to do.
        losses: weighted losses by kind, and their sum under "total".
        seconds_left: estimated time to the end; None before the first step was timed.
        preview: images uint8 [P, 2, H, W, 3]: source and target of P fixed people; None between previews.
        domain: the domain so far, from averaged weights; comes with every preview.
        state: to resume from; comes with every preview but the last.
        message: a sentence for the user where there is something to say.
    """

    stage: str
    step: int
    total: int
    losses: dict[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    preview: np.ndarray | None = None
    domain: Domain | None = None
    state: TrainingState | None = None
    message: str = ""


def adapt(
    generator: Generator,
    encoder: ImageEncoder | Sequence[ImageEncoder],
    references: Tensor,
    method: Method,
    *,
    seed: int = 0,
    resume: TrainingState | None = None,
    device: torch.device | str | None = None,
    base: str = "",
    licence: str = "",
    people: Tensor | None = None,
) -> Iterator[Event]:
    """Adapt a generator to the domain of one or several reference images.

    Closing the iterator stops the run; nothing outside of it is changed. The same arguments give the same domain,
    bit for bit on a CPU with the same number of threads, also when the run was interrupted and resumed.

    Args:
        generator: the base; it stays as it is.
        encoder: one or several frozen CLIP image encoders whose losses are summed.
        references: [K, 3, H, W] in [-1, 1]; several images count as one domain.
        method: what to train and by which losses.
        seed: of latents, cameras, batches and projections.
        resume: state of an interrupted run with the same arguments.
        device: where to work; the generator's device where None.
        base, licence: name of the base and licence of the result, for the domain's description.
        people: latents [P, z] of the previews; a fixed choice where None.

    Yields:
        Events; the last one holds the domain.

    Raises:
        UserError: unusable references, or a state of another run.
    """
    device = torch.device(device) if device is not None else next(generator.parameters()).device
    generator = generator.to(device)
    encoders = [one.to(device) for one in (encoder if isinstance(encoder, Sequence) else [encoder])]
    references = _checked(references).to(device)
    metadata = DomainMetadata(
        base=base,
        base_fingerprint=fingerprint(generator),
        method=method.name,
        reference_fingerprint=fingerprint_images(references),
        settings=json.loads(json.dumps(method.to_dict())),
        seed=seed,
        licence=licence,
    )
    if resume is not None:
        resume.check(_identity(metadata))

    latents, cameras = draw_pairs(generator.config, method, seed)
    groups: list[Pool] = []
    done = 0
    yield Event(PREPARING, 0, method.pool)
    layers = token_layers(method)
    filling = fill_pool(generator, encoders, layers, latents, cameras, method.truncation_psi, reads_embedding(method))
    for group in filling:
        groups.append(group)
        done += len(group)
        yield Event(PREPARING, done, method.pool)
    pool = join(groups)
    del groups
    stage_people, stage_cameras = _preview_pairs(generator.config, people)
    audience = join(list(fill_pool(generator, [], [], stage_people, stage_cameras, PREVIEW_PSI)))
    objective = Objective(encoders, method, pool, references)
    yield from _train(generator, method, pool, audience, objective, metadata, resume)


def _train(
    generator: Generator,
    method: Method,
    pool: Pool,
    audience: Pool,
    objective: Objective,
    metadata: DomainMetadata,
    resume: TrainingState | None,
) -> Iterator[Event]:
    identity = _identity(metadata)
    base, shown = (copy_parts(generator, method.background).requires_grad_(False) for _ in range(2))
    parts = copy_parts(generator, method.background)
    base_parameters, parameters = dict(base.named_parameters()), dict(parts.named_parameters())
    first_stage = 0
    if resume is not None:
        set_parameters(parts, resume.weights)
        first_stage = resume.stage
    clock = _Clock(method)
    steps_before = sum(stage.steps for stage in method.stages[:first_stage])
    good: Domain | None = None
    picture: np.ndarray | None = None

    for number, stage in enumerate(method.stages):
        if number < first_stage:
            continue
        trained = {name: p for name, p in parameters.items() if stage.rate(name) > 0}
        for name, parameter in parameters.items():
            parameter.requires_grad_(name in trained)
        optimizer = _optimizer(method, stage, trained)
        average = {name: p.detach().clone() for name, p in trained.items()}
        start = 0
        if resume is not None and number == resume.stage:
            start = resume.step
            _restore(optimizer, trained, average, resume)
        moves_features = any(not name.startswith("superresolution.") for name in trained)
        fixed = None if moves_features else _render_all(generator, pool, parts)
        fixed_audience = None if moves_features else _render_all(generator, audience, parts)
        batches = _Batches(len(pool), method.batch, metadata.seed, steps_before)

        for step in range(start, stage.steps):
            clock.start()
            index = batches.at(step)
            random = _random(metadata.seed, steps_before + step)
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * schedule(step, stage.steps, method.warmup, method.final_rate)
            features = fixed[index] if fixed is not None else _march(generator, pool, index, parts)
            images = generator.superresolve(features, pool.ws[index], parts.superresolution)
            values = objective(images, index, features if moves_features else None, random)
            total = sum(values.values())
            report = {name: float(value.detach()) for name, value in values.items()}
            report["total"] = float(total.detach())
            done = steps_before + step
            if not math.isfinite(report["total"]):
                yield _failure(method, done, report, good)
                return
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            optimizer.step()
            _move_average(average, trained, min(method.ema, (1 + step) / (5 + step)))
            done += 1
            last_of_stage = step + 1 == stage.steps
            if last_of_stage:
                set_parameters(parts, average)
            if not (last_of_stage or done % method.preview_every == 0):
                clock.stop(number)
                yield Event(stage.name, done, method.steps, report, clock.left(number, stage.steps - step - 1))
                continue
            set_parameters(shown, {**{name: p.detach() for name, p in parameters.items()}, **average})
            good = Domain.between(base, _changed(base_parameters, dict(shown.named_parameters())), metadata)
            picture = _preview(generator, audience, shown, fixed_audience)
            clock.stop(number)
            state = None
            if done < method.steps:
                state = _state(number, step + 1, last_of_stage, parameters, average, optimizer, identity)
            left = clock.left(number, stage.steps - step - 1)
            yield Event(stage.name, done, method.steps, report, left, picture, good, state)
        steps_before += stage.steps
    yield Event(FINISHED, method.steps, method.steps, {}, 0.0, picture, good)


def schedule(step: int, steps: int, warmup: int, final: float) -> float:
    """Share of the learning rate at a step: linear warm-up times a cosine from 1 down to ``final``."""
    rise = min(1.0, (step + 1) / max(1, warmup))
    return rise * (final + (1 - final) * (0.5 + 0.5 * math.cos(math.pi * step / steps)))


class _Batches:
    """Pairs in random order, each as often as any other; which ones a step gets depends on the seed alone."""

    def __init__(self, size: int, batch: int, seed: int, offset: int) -> None:
        self.size, self.batch, self.seed, self.offset = size, batch, seed, offset

    def at(self, step: int) -> list[int]:
        per_round = self.size // self.batch
        turn, place = divmod(self.offset + step, per_round)
        order = torch.randperm(self.size, generator=_random(self.seed, -1 - turn))
        return order[place * self.batch : (place + 1) * self.batch].tolist()


class _Clock:
    """Estimates the time left from the steps timed so far."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.times: dict[int, list[float]] = {}
        self.started = 0.0

    def start(self) -> None:
        self.started = time.perf_counter()

    def stop(self, stage: int) -> None:
        self.times.setdefault(stage, []).append(time.perf_counter() - self.started)

    def left(self, stage: int, steps: int) -> float:
        recent = self.times[stage][-2 * self.method.preview_every :]
        each = sum(recent) / len(recent)
        return each * (steps + sum(later.steps for later in self.method.stages[stage + 1 :]))


def _checked(references: Tensor) -> Tensor:
    if references.dim() != 4 or references.shape[1] != 3 or not len(references):
        raise UserError("The reference must be one or more colour images.")
    if not torch.isfinite(references).all():
        raise UserError("A reference image holds values that are not numbers. Choose another image.")
    return references.float()


def _identity(metadata: DomainMetadata) -> dict[str, object]:
    return {
        "base": metadata.base_fingerprint,
        "reference": metadata.reference_fingerprint,
        "seed": metadata.seed,
        "method": metadata.settings,
    }


def _random(seed: int, number: int) -> torch.Generator:
    """A source of random numbers that depends on the run's seed and one step's number alone."""
    return torch.Generator().manual_seed((seed * 1_000_003 + number * 7919 + 104_729) % 2**63)


def _preview_pairs(config: Eg3dConfig, people: Tensor | None) -> tuple[Tensor, Tensor]:
    if people is None:
        random = torch.Generator().manual_seed(PREVIEW_SEED)
        people = torch.randn(len(PREVIEW_YAWS), config.z_dim, generator=random)
    yaw = torch.tensor([PREVIEW_YAWS[i % len(PREVIEW_YAWS)] for i in range(len(people))])
    return people, cameras_around_front(config, yaw, torch.zeros(len(people)))


def _optimizer(method: Method, stage: Stage, trained: dict[str, torch.nn.Parameter]) -> torch.optim.Adam:
    rates = sorted({stage.rate(name) for name in trained})
    groups = [
        {"params": [p for name, p in trained.items() if stage.rate(name) == rate], "lr": rate, "rate": rate}
        for rate in rates
    ]
    return torch.optim.Adam(groups, betas=method.betas)


def _restore(
    optimizer: torch.optim.Adam,
    trained: dict[str, torch.nn.Parameter],
    average: dict[str, Tensor],
    state: TrainingState,
) -> None:
    if not state.first:
        return
    for name, parameter in trained.items():
        average[name].copy_(state.average[name])
        optimizer.state[parameter] = {
            "step": torch.tensor(float(state.step)),
            "exp_avg": state.first[name].to(parameter, copy=True),
            "exp_avg_sq": state.second[name].to(parameter, copy=True),
        }


def _state(
    stage: int,
    step: int,
    stage_done: bool,
    parameters: dict[str, torch.nn.Parameter],
    average: dict[str, Tensor],
    optimizer: torch.optim.Adam,
    identity: dict[str, object],
) -> TrainingState:
    weights = {name: p.detach() for name, p in parameters.items()}
    if stage_done:
        return TrainingState(stage + 1, 0, weights, {}, {}, {}, identity).to_cpu()
    moments = {name: optimizer.state[parameters[name]] for name in average}
    return TrainingState(
        stage,
        step,
        weights,
        average,
        {name: moment["exp_avg"] for name, moment in moments.items()},
        {name: moment["exp_avg_sq"] for name, moment in moments.items()},
        identity,
    ).to_cpu()


@torch.no_grad()
def _move_average(average: dict[str, Tensor], trained: dict[str, torch.nn.Parameter], decay: float) -> None:
    torch._foreach_lerp_(list(average.values()), [p.detach() for p in trained.values()], 1 - decay)


def _changed(base: dict[str, Tensor], adapted: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in adapted.items() if not torch.equal(value, base[name])}


def _march(generator: Generator, pool: Pool, index: Sequence[int] | slice, parts: Parts) -> Tensor:
    return generator.march(pool.samples_of(index), parts).features


@torch.no_grad()
def _render_all(generator: Generator, pool: Pool, parts: Parts) -> Tensor:
    return torch.cat([_march(generator, pool, slice(i, i + 1), parts) for i in range(len(pool))])


@torch.no_grad()
def _preview(generator: Generator, audience: Pool, parts: Parts, features: Tensor | None) -> np.ndarray:
    if features is None:
        features = _render_all(generator, audience, parts)
    target = generator.superresolve(features, audience.ws, parts.superresolution)
    pairs = torch.stack([audience.images, target], dim=1).permute(0, 1, 3, 4, 2)
    return (pairs * 127.5 + 128).clamp(0, 255).to("cpu", torch.uint8).numpy()


def _failure(method: Method, done: int, report: dict[str, float], good: Domain | None) -> Event:
    kept = "The last good domain is kept." if good is not None else "No domain was made yet."
    message = f"The loss stopped being a number at step {done + 1}, so the run ended. {kept} Try lower weights."
    return Event(FAILED, done, method.steps, report, 0.0, None, good, None, message)
