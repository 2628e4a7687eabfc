"""The evaluation loop: measures every method on every domain, one file each, so that it resumes where it stopped."""

import functools
import hashlib
import re
from collections import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from adapter.adaptation import FAILED, FINISHED, Domain, Guidance, RunOptions, adapt
from adapter.adaptation.domain import fingerprint
from adapter.adaptation.stylize import stylize_frames
from adapter.eg3d import Generator
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.evaluation.classifier import Classifier
from adapter.evaluation.eval_set import EvalConfig, EvalSet, GroundTruth
from adapter.evaluation.figure import strip
from adapter.evaluation.lpips import LpipsModel
from adapter.evaluation.metrics import (
    MetricContext,
    TargetDomain,
    Values,
    image_features,
    image_metrics,
    shape_metrics,
)
from adapter.evaluation.ranks import Results
from adapter.evaluation.renderers import (
    Renderer,
    domain_renderer,
    frame_renderer,
    oracle_renderer,
    render_all,
    source_renderer,
    truth_renderer,
)
from adapter.losses.base import Inverter
from adapter.media.crop import REFERENCE_SIDE
from adapter.media.grids import save_png
from adapter.methods import Method
from adapter.utils.profiling import measured
from adapter.utils.storage import read_json, write_json

PROTOCOL = 2
"""Raised when a change makes older measurements incomparable."""
SOURCE, TRUTH, ORACLE = "source", "truth", "oracle"
BASELINES = (SOURCE, TRUTH, ORACLE)
"""Rows beside the methods: the untouched base; the ground truth itself; the true style over the base's own colors."""
FIGURE_IDENTITIES = 3
"""Identities of each row in the figure."""


@dataclass(frozen=True)
class MethodEntry:
    """A row of the table: a method's name as on the command line, the title to show, and the method."""

    name: str
    title: str
    method: Method


@dataclass(frozen=True)
class EvalContext:
    """Models and settings of an evaluation.

    Args:
        generator: the base, and ``base``, its name.
        encoders: of the adaptation.
        classifier: of the measurements.
        truth: true pictures of the base's identities.
        out: folder of the measurements.
        lpips: model of perceptual distances; the classifier where None.
        inverter: W+ encoder for L_scc, None where there is none.
        seeds: of the adaptations; every method is adapted once with each.
        config: identities and cameras.
        names: whatever else distinguishes two evaluations, such as the encoder's name.
    """

    generator: Generator
    base: str
    encoders: Sequence[ImageEncoder]
    classifier: Classifier
    truth: GroundTruth
    out: Path
    lpips: LpipsModel | None = None
    inverter: Inverter | None = None
    seeds: tuple[int, ...] = (0,)
    config: EvalConfig = field(default_factory=EvalConfig)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """The base's device."""
        return next(self.generator.parameters()).device

    @property
    def perceptual(self) -> str:
        """Name of the model of perceptual distances."""
        return "classifier" if self.lpips is None else self.lpips.name

    @functools.cached_property
    def identity(self) -> dict[str, object]:
        """What all measurements of one table must have in common."""
        weights = hashlib.sha256()
        for name, tensor in sorted(self.classifier.named_buffers()):
            weights.update(name.encode() + tensor.cpu().numpy().tobytes())
        return {
            "protocol": PROTOCOL,
            "base": fingerprint(self.generator),
            "classifier": weights.hexdigest(),
            "perceptual": self.perceptual,
            "config": asdict(self.config),
            "inverter": self.inverter is not None,
            **self.names,
        }


@dataclass(frozen=True)
class EvalProgress:
    """Number of cells done and in total, and the work in progress."""

    done: int
    total: int
    text: str


@dataclass(frozen=True)
class Cell:
    """One measurement: a method with a seed, or one of `BASELINES` without, on a domain."""

    row: str | MethodEntry
    domain: str
    seed: int | None = None

    @property
    def name(self) -> str:
        """The row's name."""
        return self.row if isinstance(self.row, str) else self.row.name

    def __str__(self) -> str:
        """The name to show in progress."""
        return f"{self.domain}, {self.name}" + (f", seed {self.seed}" if self.seed else "")

    def path(self, out: Path) -> Path:
        """The file of the measurement; the seed 0 is not named."""
        return out / "cells" / slug(self.domain) / f"{slug(self.name)}{f'-seed-{self.seed}' if self.seed else ''}.json"

    def identity(self, context: EvalContext) -> object:
        """Everything that the numbers depend on, as JSON returns it."""
        own = {} if isinstance(self.row, str) else {"method": self.row.method.to_dict(), "seed": self.seed}
        return to_json({**context.identity, "domain": self.domain, "row": self.name, **own})


def run_evaluation(
    context: EvalContext, entries: Sequence[MethodEntry], domains: Sequence[str]
) -> Iterator[EvalProgress | Mapping[int, Results]]:
    """Measure baselines and methods on domains; cells that are measured already are kept.

    Yields:
        Progress; at last the measurements by seed, row and domain. Baselines are the same for every seed.

    Raises:
        UserError: a method that failed, or a folder that cannot be written.
    """
    cells = all_cells(context, entries, domains)
    results: dict[int, dict[str, dict[str, Values]]] = {seed: {} for seed in context.seeds}
    runner = CellRunner(context)
    for done, cell in enumerate(cells):
        for text in runner.run(cell):
            yield EvalProgress(done, len(cells), f"{cell}: {text}")
        values = finished_cell(cell.path(context.out), cell.identity(context))
        for seed in context.seeds if cell.seed is None else (cell.seed,):
            results[seed].setdefault(cell.name, {})[cell.domain] = values
    yield EvalProgress(len(cells), len(cells), "measured")
    yield results


def all_cells(context: EvalContext, entries: Sequence[MethodEntry], domains: Sequence[str]) -> list[Cell]:
    """All measurements of an evaluation, domain by domain."""
    cells: list[Cell] = []
    for domain in domains:
        cells += [Cell(row, domain) for row in BASELINES]
        cells += [Cell(entry, domain, seed) for entry in entries for seed in context.seeds]
    return cells


def missing_cells(context: EvalContext, entries: Sequence[MethodEntry], domains: Sequence[str]) -> list[Cell]:
    """The measurements of an evaluation that are not done yet."""
    cells = all_cells(context, entries, domains)
    return [cell for cell in cells if read_cell(cell.path(context.out), cell.identity(context)) is None]


def read_cell(path: Path, identity: object) -> dict | None:
    """The values of a measurement with exactly this identity, or None where there is none."""
    if not path.is_file() or not path.with_suffix(".png").is_file():
        return None
    try:
        stored = read_json(path)
    except UserError:
        return None
    return stored["values"] if stored.get("identity") == identity else None


def finished_cell(path: Path, identity: object) -> dict:
    """The values of a measurement that is done.

    Raises:
        UserError: its file was removed meanwhile.
    """
    values = read_cell(path, identity)
    if values is None:
        raise UserError(f"{path} was removed during the evaluation. Start it again.")
    return values


class CellRunner:
    """Measures cells; what they share is computed when the first of them needs it."""

    def __init__(self, context: EvalContext) -> None:
        self.context = context
        self.source = source_renderer(context.generator)
        self._domain: TargetDomain | None = None

    @functools.cached_property
    def metrics(self) -> MetricContext:
        """The identities, and the base's renders of them."""
        context = self.context
        eval_set = EvalSet.draw(context.generator, context.truth, context.config)
        renders = render_all(self.source, eval_set, all_fronts=True)
        return MetricContext.create(eval_set, context.truth, context.classifier, context.lpips, renders)

    def run(self, cell: Cell) -> Iterator[str]:
        """Measure a cell and write its file, unless that is done already.

        Yields:
            Words about the progress.

        Raises:
            UserError: a method that failed.
            OSError: a folder that cannot be written.
        """
        path, identity = cell.path(self.context.out), cell.identity(self.context)
        if read_cell(path, identity) is None:
            values = yield from self._measure(cell, path)
            write_json(path, {"identity": identity, "values": values})

    def _measure(self, cell: Cell, path: Path) -> abc.Generator[str, None, Values]:
        yield "preparing"
        metrics, target = self.metrics, self._target(cell.domain)
        renders, costs = metrics.source, Values()
        if cell.row != SOURCE:
            renderer, costs = yield from self._renderer(cell, path)
            yield "rendering"
            renders = render_all(renderer, metrics.eval_set)
        yield "measuring"
        images = renders.pairs.image
        save_png(path.with_suffix(".png"), strip(images[:FIGURE_IDENTITIES]))
        save_png(path.with_name("reference.png"), strip(self._reference(cell.domain), images.shape[-1]))
        return image_metrics(metrics, target, images, renders.front.image) | shape_metrics(metrics, renders) | costs

    def _renderer(self, cell: Cell, path: Path) -> abc.Generator[str, None, tuple[Renderer, Values]]:
        """The row's renderer and the costs of making it; yields words about the progress."""
        context = self.context
        if cell.row == TRUTH:
            return truth_renderer(context.truth, cell.domain, context.generator.config.raw_resolution), {}
        if isinstance(cell.row, str):
            return oracle_renderer(self.source, context.truth, cell.domain), {}
        method, seed, reference = cell.row.method, cell.seed or 0, self._reference(cell.domain)
        if method.per_frame:
            stylize = functools.partial(
                stylize_frames, encoder=context.encoders, guidance=reference, method=method, seed=seed
            )
            return frame_renderer(self.source, stylize), {}
        with measured(context.device) as cost:
            domain = yield from adapt_domain(context, method, Guidance(reference), seed)
        domain.save(path.with_suffix(".safetensors"))
        costs: Values = {
            "seconds": cost.seconds,
            "peak_mb": None if cost.peak_bytes is None else cost.peak_bytes / 1e6,
            "file_kb": path.with_suffix(".safetensors").stat().st_size / 1e3,
        }
        return domain_renderer(context.generator, domain.apply(context.generator, checked=True)), costs

    def _reference(self, domain: str) -> Tensor:
        """The reference [1, 3, S, S] on the base's device."""
        side = max(REFERENCE_SIDE, self.context.generator.config.image_resolution)
        return self.context.truth.reference(domain, side).to(self.context.device)

    def _target(self, domain: str) -> TargetDomain:
        """The true pictures of a domain, kept until another one is needed."""
        if self._domain is None or self._domain.style != domain:
            context, eval_set = self.context, self.metrics.eval_set
            images = context.truth.images(domain, eval_set.latents, eval_set.cameras).to(context.device)
            features = (image_features(context.classifier, context.lpips, x) for x in (images, self._reference(domain)))
            self._domain = TargetDomain(domain, images, *features)
        return self._domain


def adapt_domain(
    context: EvalContext, method: Method, guidance: Guidance, seed: int
) -> abc.Generator[str, None, Domain]:
    """Adapt the base and return the domain; yields words about the progress.

    Raises:
        UserError: the method failed.
    """
    options = RunOptions(base=context.base, inverter=context.inverter, resumable=False)
    for event in adapt(context.generator, context.encoders, guidance, method, seed=seed, options=options):
        if event.stage == FAILED:
            raise UserError(f"{method.name} failed. {event.message}")
        if event.stage == FINISHED and event.domain is not None:
            return event.domain
        yield f"{event.stage} {event.step}/{event.total}"
    raise UserError(f"{method.name} ended without a domain.")


def slug(name: str) -> str:
    """A name as part of a path.

    >>> slug("thermal camera")
    'thermal-camera'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def to_json(value: object) -> object:
    """A value as JSON returns it: tuples become lists."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, list | tuple) else value
