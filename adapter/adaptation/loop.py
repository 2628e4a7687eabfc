"""The adaptation itself: an iterator of events that can be closed at any step and resumed from any preview."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as Steps
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from adapter.adaptation.checkpoint import TrainingState
from adapter.adaptation.domain import Domain, DomainMetadata, fingerprint, fingerprint_images
from adapter.adaptation.face_views import read_faces, shows_people
from adapter.adaptation.guidance import Guidance
from adapter.adaptation.inversions import invert_references
from adapter.adaptation.looks import Looks
from adapter.adaptation.objective import ActiveLosses, Objective
from adapter.adaptation.parts import copy_parts, extent_of, set_parameters
from adapter.adaptation.previews import preview_set, render_preview
from adapter.adaptation.reference_checks import describe_references
from adapter.adaptation.source_cache import SourceCache, SourceEncoder, draw_pairs, join_caches
from adapter.adaptation.trainer import LossNotFinite, StageTrainer
from adapter.eg3d import Generator, Parts
from adapter.eg3d.placement import training_dtype
from adapter.encoders.encoder import ImageEncoder
from adapter.encoders.vgg import with_vgg
from adapter.errors import UserError
from adapter.losses.base import Distillation, Inverter
from adapter.losses.face_view import FaceViews
from adapter.methods import Method

PREPARING, FINISHED, FAILED = "Preparing", "Finished", "Failed"


@dataclass(frozen=True)
class Event:
    """What happened in one step.

    Args:
        stage: `PREPARING`, the name of a stage, `FINISHED` or `FAILED`.
        step, total: steps done and to do, over all stages; while preparing, pairs done and to do.
        losses: weighted losses by name, and their sum under "total".
        seconds_left: estimated time to the end; None before the first step was timed.
        preview: images uint8 [P, 2, H, W, 3]: source and target of P fixed identities; None between previews.
        domain: the domain so far, from averaged weights; comes with every preview.
        state: to resume from; comes with every preview but the last, if it was asked for.
        message: a sentence for the user if there is something to say.
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


@dataclass(frozen=True)
class RunOptions:
    """What an adaptation can do without.

    Args:
        base, license: name of the base and license of the result, for the domain's description.
        preview_latents: z [P, z] of the previews; a fixed choice where None.
        inverter: W+ encoder of the base; without one, L_scc and analogies are left out.
        distillation: differentiable score of images, for SDS; left out without one.
        stopping: called after every step; when it returns True, that step's event has the domain, and the run ends.
        resumable: whether previews come with a state to resume from, which has to be copied from a GPU.
    """

    base: str = ""
    license: str = ""
    preview_latents: Tensor | None = None
    inverter: Inverter | None = None
    distillation: Distillation | None = None
    stopping: Callable[[], bool] | None = None
    resumable: bool = True


def adapt(
    generator: Generator,
    encoder: ImageEncoder | Sequence[ImageEncoder],
    guidance: Guidance | Tensor,
    method: Method,
    *,
    seed: int = 0,
    resume: TrainingState | None = None,
    options: RunOptions | None = None,
) -> Iterator[Event]:
    """Adapt a generator to the domain of one or several reference images, of a prompt, or of both.

    Closing the iterator stops the run; nothing outside of it is changed. The same arguments give the same domain,
    bit for bit on a CPU with the same number of threads, also when the run was interrupted and resumed.

    Args:
        generator: the base, on the device of the run; it stays as it is.
        encoder: one or several frozen CLIP image encoders whose losses are summed, on the base's device.
        guidance: plain images [K, 3, H, W] in [-1, 1] count as references of one domain.
        method: what to train and by which losses.
        seed: of latents, cameras, batches and projections.
        resume: state of an interrupted run with the same arguments.
        options: the defaults where None.

    Yields:
        Events; the last one holds the domain.

    Raises:
        UserError: unusable references, a method that this guidance cannot guide, or a state of another run.
        ValueError: an encoder or the inverter is on another device than the base.
    """
    options = options or RunOptions()
    encoders = list(encoder) if isinstance(encoder, Sequence) else [encoder]
    _check_devices(generator, *encoders, options.inverter)
    guidance = (guidance if isinstance(guidance, Guidance) else Guidance(guidance)).to(generator.device)
    if method.per_frame:
        raise UserError(f"{method.name} changes pictures, not the generator. It makes no domain.")
    metadata = _metadata(generator, guidance, method, seed, options)
    if resume is not None:
        resume.check(_identity(metadata))
    # 1. Render the sources, and find out whether they show people.
    sources = yield from _render_sources(generator, method, seed)
    faces, looks, said = None, Looks(), [describe_references(guidance.references)]
    if guidance.references is not None and method.people and shows_people(sources):
        method, (faces, told) = method.people, read_faces(sources, guidance.references)
        said.append(told)
        looks = Looks.of(guidance.references, faces)
        metadata = dataclasses.replace(metadata, surface_noise=looks.textured)
    if message := " ".join(filter(None, said)):
        yield Event(PREPARING, method.pool, method.pool, message=message)
    # 2. Compute everything that the losses compare with.
    sources, objective = _objective(generator, encoders, method, sources, guidance, faces, seed, options)
    previews = preview_set(generator, options.preview_latents, _needs_every_ray(method))
    # 3. Train.
    yield from _Run(generator, method, sources, previews, objective, metadata, options, looks).events(resume)


def _render_sources(generator: Generator, method: Method, seed: int) -> Steps[Event, None, SourceCache]:
    """Render the pool; yields an event for every group."""
    groups: list[SourceCache] = []
    yield Event(PREPARING, 0, method.pool)
    render = SourceEncoder(generator, every_ray=_needs_every_ray(method))
    for group in render.stream(*draw_pairs(generator.config, method, seed), method.truncation_psi):
        groups.append(group)
        yield Event(PREPARING, sum(map(len, groups)), method.pool)
    return join_caches(groups)


def _objective(
    generator: Generator,
    encoders: Sequence[ImageEncoder],
    method: Method,
    sources: SourceCache,
    guidance: Guidance,
    faces: FaceViews | None,
    seed: int,
    options: RunOptions,
) -> tuple[SourceCache, Objective]:
    """The sources with their images encoded, and the losses of the run."""
    inverter, distillation = options.inverter, options.distillation
    active = ActiveLosses.of(method, guidance, inverter is not None, distillation is not None, faces is not None)
    dtype = training_dtype(generator)
    encoders = [with_vgg(one, active.layers, dtype).to(generator.device) for one in encoders]
    encode = SourceEncoder(generator, encoders, active.source_layers, active.embedding, _needs_every_ray(method))
    sources = encode.encoded(sources)
    inversions = None
    if "analogy" in active and guidance.references is not None and inverter is not None:
        inversions = invert_references(encode, guidance.references, inverter)
    return sources, Objective(encoders, method, sources, guidance, inverter, distillation, seed, inversions, faces)


def _needs_every_ray(method: Method) -> bool:
    """Whether a target may show something where the source shows nothing."""
    extent = extent_of(method)
    return extent.synthesis or extent.remodulation


class _Run:
    """The stages of a method, one after the other."""

    def __init__(
        self,
        generator: Generator,
        method: Method,
        sources: SourceCache,
        previews: SourceCache,
        objective: Objective,
        metadata: DomainMetadata,
        options: RunOptions,
        looks: Looks,
    ) -> None:
        self.options, self.looks, self.stopped = options, looks, False
        self.generator, self.method, self.sources = generator, method, sources
        self.previews, self.objective, self.metadata = previews, objective, metadata
        extent = extent_of(method, looks.textured)
        self.parts = copy_parts(generator, extent)
        self.base, self.averaged = (copy_parts(generator, extent).requires_grad_(False) for _ in range(2))
        self.clock = _Clock(method)
        self.domain: Domain | None = None
        self.picture: np.ndarray | None = None

    def events(self, resume: TrainingState | None) -> Iterator[Event]:
        """All stages from where a state stands."""
        first, start = 0, 0
        if resume is not None:
            set_parameters(self.parts, resume.weights)
            self.objective.load_state_dict(resume.kept)
            first, start = resume.stage, resume.step
        steps, seed = self.method.steps, self.metadata.seed
        for number in range(first, len(self.method.stages)):
            trainer = StageTrainer(
                self.generator, self.method, number, self.parts, self.sources, self.objective, seed, self.looks
            )
            if resume is not None and start:
                trainer.restore(resume)
            try:
                yield from self._stage(trainer, start)
            except LossNotFinite:
                yield Event(FAILED, self.clock.step - 1, steps, domain=self.domain, message=self._failure())
                return
            if self.stopped:
                break
            start = 0
        yield Event(FINISHED, self.clock.step if self.stopped else steps, steps, {}, 0.0, self.picture, self.domain)

    def _stage(self, trainer: StageTrainer, start: int) -> Iterator[Event]:
        """The steps of a stage from ``start``."""
        method, stage = self.method, trainer.stage
        features = None if trainer.moves_features else self.previews.all_target_features(self.generator, self.parts)
        for step in range(start, stage.steps):
            done = trainer.steps_before + step + 1
            self.clock.start(done)
            losses = trainer.step(step)
            ends_stage = step + 1 == stage.steps
            if ends_stage:
                trainer.adopt_average()
            self.stopped = self.options.stopping is not None and self.options.stopping()
            preview = domain = state = None
            if ends_stage or self.stopped or done % method.preview_every == 0:
                set_parameters(self.averaged, trainer.averaged())
                domain = self.domain = Domain.between(self.base, _changed(self.base, self.averaged), self.metadata)
                preview = self.picture = render_preview(self.generator, self.previews, self.averaged, features)
                if self.options.resumable and done < method.steps:
                    state = trainer.state(step + 1, _identity(self.metadata))
            self.clock.stop(trainer.number)
            left = self.clock.seconds_left(trainer.number, stage.steps - step - 1)
            yield Event(stage.name, done, method.steps, losses, left, preview, domain, state)
            if self.stopped:
                return

    def _failure(self) -> str:
        kept = "No domain was made yet." if self.domain is None else "The last good domain is kept."
        step = self.clock.step
        return f"The loss stopped being a number at step {step}, so the run ended. {kept} Try lower weights."


class _Clock:
    """Estimates the time left from the steps timed so far."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.times: dict[int, list[float]] = {}
        self.step = 0
        self.started = 0.0

    def start(self, step: int) -> None:
        self.step, self.started = step, time.perf_counter()

    def stop(self, stage: int) -> None:
        self.times.setdefault(stage, []).append(time.perf_counter() - self.started)

    def seconds_left(self, stage: int, steps: int) -> float:
        recent = self.times[stage][-2 * self.method.preview_every :]
        later = sum(later.steps for later in self.method.stages[stage + 1 :])
        return sum(recent) / len(recent) * (steps + later)


def _check_devices(generator: Generator, *models: object) -> None:
    for model in models:
        weight = next(model.parameters(), None) if isinstance(model, torch.nn.Module) else None
        if weight is not None and weight.device != generator.device:
            raise ValueError(
                f"The base is on {generator.device} and {type(model).__name__} on {weight.device}. Move both to one."
            )


def _metadata(
    generator: Generator, guidance: Guidance, method: Method, seed: int, options: RunOptions
) -> DomainMetadata:
    references = guidance.references
    return DomainMetadata(
        base=options.base,
        base_fingerprint=fingerprint(generator),
        method=method.name,
        reference_fingerprint=None if references is None else fingerprint_images(references),
        prompt=guidance.prompt,
        settings=json.loads(json.dumps(method.to_dict())),
        seed=seed,
        license=options.license,
    )


def _identity(metadata: DomainMetadata) -> dict[str, object]:
    return {
        "base": metadata.base_fingerprint,
        "reference": metadata.reference_fingerprint,
        "prompt": metadata.prompt,
        "seed": metadata.seed,
        "method": metadata.settings,
    }


def _changed(base: Parts, adapted: Parts) -> dict[str, Tensor]:
    before, after = dict(base.named_parameters()), dict(adapted.named_parameters())
    # Read back at once: the host waits for a GPU a single time.
    changed = torch.stack([(value != before[name]).any() for name, value in after.items()]).tolist()
    return {name: value for (name, value), is_changed in zip(after.items(), changed, strict=True) if is_changed}
