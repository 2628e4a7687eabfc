"""The adaptation itself: a generator of events that can be closed at any step and resumed from any preview."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from adapter.adaptation.analogy import find_twins
from adapter.adaptation.checkpoint import TrainingState
from adapter.adaptation.domain import Domain, DomainMetadata, fingerprint, fingerprint_images
from adapter.adaptation.guidance import Guidance
from adapter.adaptation.objective import Objective, reads_embedding, token_layers
from adapter.adaptation.parts import copy_parts, extent_of, set_parameters
from adapter.adaptation.source_cache import Pool, cameras_around_front, draw_pairs, fill_pool, join, target_rows
from adapter.adaptation.trainer import LossNotFinite, StageTrainer, render_features
from adapter.eg3d import Eg3dConfig, Generator, Parts
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.methods.schema import Method

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
    guidance: Guidance | Tensor,
    method: Method,
    *,
    seed: int = 0,
    resume: TrainingState | None = None,
    device: torch.device | str | None = None,
    base: str = "",
    licence: str = "",
    people: Tensor | None = None,
    inverter: Callable[[Tensor], Tensor] | None = None,
    distillation: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> Iterator[Event]:
    """Adapt a generator to the domain of one or several reference images, of a prompt, or of both.

    Closing the iterator stops the run; nothing outside of it is changed. The same arguments give the same domain,
    bit for bit on a CPU with the same number of threads, also when the run was interrupted and resumed.

    Args:
        generator: the base; it stays as it is.
        encoder: one or several frozen CLIP image encoders whose losses are summed.
        guidance: where to go; plain images [K, 3, H, W] in [-1, 1] count as references of one domain.
        method: what to train and by which losses.
        seed: of latents, cameras, batches and projections.
        resume: state of an interrupted run with the same arguments.
        device: where to work; the generator's device where None.
        base, licence: name of the base and licence of the result, for the domain's description.
        people: latents [P, z] of the previews; a fixed choice where None.
        inverter: differentiable map from images [N, 3, H, W] to W+ [N, num_ws, w]; L_scc is left out without, and
            analogies without one whose latents the base can render.
        distillation: differentiable score of images, for SDS; left out without.

    Yields:
        Events; the last one holds the domain.

    Raises:
        UserError: unusable references, a method that this guidance cannot lead, or a state of another run.
    """
    device = torch.device(device) if device is not None else next(generator.parameters()).device
    generator = generator.to(device)
    encoders = [one.to(device) for one in (encoder if isinstance(encoder, Sequence) else [encoder])]
    guidance = (guidance if isinstance(guidance, Guidance) else Guidance(guidance)).to(device)
    if method.per_frame:
        raise UserError(f"{method.name} changes pictures, not the generator. It makes no domain.")
    metadata = DomainMetadata(
        base=base,
        base_fingerprint=fingerprint(generator),
        method=method.name,
        reference_fingerprint=None if guidance.references is None else fingerprint_images(guidance.references),
        prompt=guidance.prompt,
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
    layers, joint = token_layers(method, guidance), reads_embedding(method, guidance)
    extent = extent_of(method)
    own_shape = extent.synthesis or extent.remodulation
    filling = fill_pool(generator, encoders, layers, latents, cameras, method.truncation_psi, joint, own_shape)
    for group in filling:
        groups.append(group)
        done += len(group)
        yield Event(PREPARING, done, method.pool)
    pool = join(groups)
    del groups
    stage_people, stage_cameras = _preview_pairs(generator.config, people)
    audience = join(list(fill_pool(generator, [], [], stage_people, stage_cameras, PREVIEW_PSI, every_ray=own_shape)))
    twins = None
    if method.weight("analogy") and guidance.references is not None:
        twins = find_twins(generator, encoders, layers, guidance.references, inverter)
    objective = Objective(encoders, method, pool, guidance, inverter, distillation, seed, twins)
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
    extent = extent_of(method)
    base, shown = (copy_parts(generator, extent).requires_grad_(False) for _ in range(2))
    parts = copy_parts(generator, extent)
    if resume is not None:
        set_parameters(parts, resume.weights)
        objective.recall(resume.memory)
    clock = _Clock(method)
    good: Domain | None = None
    picture: np.ndarray | None = None
    for number in range(0 if resume is None else resume.stage, len(method.stages)):
        trainer = StageTrainer(generator, method, number, parts, pool, objective, metadata.seed)
        stage, start = trainer.stage, 0
        if resume is not None and resume.step and number == resume.stage:
            trainer.restore(resume)
            start = resume.step
        audience_features = None if trainer.moves_features else render_features(generator, audience, parts)
        for step in range(start, stage.steps):
            clock.start()
            done = trainer.steps_before + step + 1
            try:
                losses = trainer.step(step)
            except LossNotFinite:
                yield Event(FAILED, done - 1, method.steps, domain=good, message=_failure(done, good))
                return
            ends_stage = step + 1 == stage.steps
            if ends_stage:
                trainer.adopt_average()
            domain = state = None
            if ends_stage or done % method.preview_every == 0:
                set_parameters(shown, trainer.averaged())
                domain = good = Domain.between(base, _changed(base, shown), metadata)
                picture = _preview(generator, audience, shown, audience_features)
                if done < method.steps:
                    state = trainer.state(step + 1, identity)
            clock.stop(number)
            left = clock.left(number, stage.steps - step - 1)
            preview = picture if domain is not None else None
            yield Event(stage.name, done, method.steps, losses, left, preview, domain, state)
    yield Event(FINISHED, method.steps, method.steps, {}, 0.0, picture, good)


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
        later = sum(later.steps for later in self.method.stages[stage + 1 :])
        return sum(recent) / len(recent) * (steps + later)


def _identity(metadata: DomainMetadata) -> dict[str, object]:
    return {
        "base": metadata.base_fingerprint,
        "reference": metadata.reference_fingerprint,
        "prompt": metadata.prompt,
        "seed": metadata.seed,
        "method": metadata.settings,
    }


def _preview_pairs(config: Eg3dConfig, people: Tensor | None) -> tuple[Tensor, Tensor]:
    if people is None:
        random = torch.Generator().manual_seed(PREVIEW_SEED)
        people = torch.randn(len(PREVIEW_YAWS), config.z_dim, generator=random)
    yaw = torch.tensor([PREVIEW_YAWS[i % len(PREVIEW_YAWS)] for i in range(len(people))])
    return people, cameras_around_front(config, yaw, torch.zeros(len(people)))


def _changed(base: Parts, adapted: Parts) -> dict[str, Tensor]:
    before = dict(base.named_parameters())
    return {name: value for name, value in adapted.named_parameters() if not torch.equal(value, before[name])}


@torch.no_grad()
def _preview(generator: Generator, audience: Pool, parts: Parts, features: Tensor | None) -> np.ndarray:
    if features is None:
        features = render_features(generator, audience, parts)
    rows = target_rows(audience, slice(None), parts)
    target = generator.superresolve(features, rows, parts.superresolution)
    pairs = torch.stack([audience.images, target], dim=1).permute(0, 1, 3, 4, 2)
    return (pairs * 127.5 + 128).clamp(0, 255).to("cpu", torch.uint8).numpy()


def _failure(step: int, good: Domain | None) -> str:
    kept = "The last good domain is kept." if good is not None else "No domain was made yet."
    return f"The loss stopped being a number at step {step}, so the run ended. {kept} Try lower weights."
