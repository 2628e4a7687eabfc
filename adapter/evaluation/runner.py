"""Measures every method on every domain, one file each, so that an interrupted evaluation goes on where it stopped."""

import functools
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adapter.adaptation import FAILED, Domain, Guidance, adapt
from adapter.adaptation.domain import fingerprint
from adapter.adaptation.stylize import stylize_frames
from adapter.eg3d import Generator
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.evaluation.classifier import Classifier
from adapter.evaluation.figure import read_strip, strip
from adapter.evaluation.lpips import Perception
from adapter.evaluation.metrics import Bench, Goal, Values, look, measure_pictures, measure_shape
from adapter.evaluation.renderers import (
    EvalSet,
    Plan,
    Renderer,
    Truth,
    domain_renderer,
    frame_renderer,
    oracle_renderer,
    render_all,
    source_renderer,
    truth_renderer,
)
from adapter.media.grids import save_png
from adapter.methods import Method
from adapter.utils.profiling import measured
from adapter.utils.storage import read_json, write_json

PROTOCOL = 1
"""Raised when a change makes older measurements incomparable."""
SOURCE, TRUTH, ORACLE = "source", "truth", "oracle"
BASELINES = (SOURCE, TRUTH, ORACLE)
"""Rows beside the methods: the untouched base; the ground truth itself; the true style over the base's own colours."""
REFERENCE_SIDE = 256
SHOWN = 3
"""People of each row in the figure."""


@dataclass(frozen=True)
class MethodEntry:
    """A row of the table: a method's name as on the command line, the title to show, and the method."""

    name: str
    title: str
    method: Method


@dataclass(frozen=True)
class EvalContext:
    """What an evaluation works with.

    Args:
        generator: the base, and ``base``, its name.
        encoders: of the adaptation.
        judge: of the measurements.
        truth: true pictures of the base's people.
        perception: another model for perceptual distances than the judge; None takes the judge's.
        inverter: W+ encoder for L_scc, None where there is none.
        seed: of the adaptations.
        plan: people and cameras.
        out: folder of the measurements.
        names: what else tells two evaluations apart, such as the encoder's name.
    """

    generator: Generator
    base: str
    encoders: Sequence[ImageEncoder]
    judge: Classifier
    truth: Truth
    out: Path
    perception: Perception | None = None
    inverter: Callable[[Tensor], Tensor] | None = None
    seed: int = 0
    plan: Plan = field(default_factory=Plan)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the base lies."""
        return next(self.generator.parameters()).device

    @property
    def perceptual(self) -> str:
        """What perceptual distances are measured with."""
        return "judge" if self.perception is None else self.perception.name

    @functools.cached_property
    def identity(self) -> dict[str, object]:
        """What measurements must agree in to stand in one table."""
        answers = hashlib.sha256()
        for name, tensor in sorted(self.judge.named_buffers()):
            answers.update(name.encode() + tensor.cpu().numpy().tobytes())
        return {
            "protocol": PROTOCOL,
            "base": fingerprint(self.generator),
            "judge": answers.hexdigest(),
            "perceptual": self.perceptual,
            "plan": asdict(self.plan),
            "seed": self.seed,
            "inverter": self.inverter is not None,
            **self.names,
        }


@dataclass(frozen=True)
class Progress:
    """How far an evaluation is: cells done and to do, and what is being worked on."""

    done: int
    total: int
    what: str


def contest(
    tools: EvalContext, contestants: Sequence[MethodEntry], domains: Sequence[str]
) -> Iterator[Progress | Values]:
    """Measure yardsticks and methods on domains; cells that are measured already are kept.

    Yields:
        Progress; at last the measurements by row and domain, see `adapter.evaluation.ranks.Results`.

    Raises:
        UserError: a method that failed, or a folder that cannot be written.
    """
    cells = cells_of(contestants, domains)
    found: dict[str, dict[str, Values]] = {}
    stage = Stage(tools)
    for done, cell in enumerate(cells):
        for step in stage.measure(cell):
            if isinstance(step, str):
                yield Progress(done, len(cells), f"{cell}: {step}")
            else:
                found.setdefault(cell.name, {})[cell.domain] = step
    yield Progress(len(cells), len(cells), "measured")
    yield found


@dataclass(frozen=True)
class Cell:
    """One measurement: a contestant, or one of `BASELINES`, on a domain."""

    row: str | MethodEntry
    domain: str

    @property
    def name(self) -> str:
        """The row's name."""
        return self.row if isinstance(self.row, str) else self.row.name

    def __str__(self) -> str:
        """What progress calls it."""
        return f"{self.domain}, {self.name}"

    def identity(self, tools: EvalContext) -> object:
        """Everything that its numbers depend on, as JSON gives it back."""
        method = {} if isinstance(self.row, str) else {"method": self.row.method.to_dict()}
        return plain({**tools.identity, "domain": self.domain, "row": self.name, **method})


def unmeasured(tools: EvalContext, contestants: Sequence[MethodEntry], domains: Sequence[str]) -> list[Cell]:
    """The measurements of a contest that are still to do."""
    cells = cells_of(contestants, domains)
    return [c for c in cells if read_cell(cell_path(tools.out, c.domain, c.name), c.identity(tools)) is None]


def cells_of(contestants: Sequence[MethodEntry], domains: Sequence[str]) -> list[Cell]:
    """All measurements of a contest, domain by domain."""
    return [Cell(row, domain) for domain in domains for row in (*BASELINES, *contestants)]


def cell_path(out: Path, domain: str, row: str) -> Path:
    """The file of one measurement."""
    return out / "cells" / slug(domain) / f"{slug(row)}.json"


def read_cell(path: Path, identity: Mapping[str, object]) -> Values | None:
    """A measurement of exactly this kind, or None where there is none."""
    if not path.is_file() or not path.with_suffix(".png").is_file():
        return None
    try:
        kept = read_json(path)
    except UserError:
        return None
    return kept["values"] if kept.get("identity") == identity else None


def slug(name: str) -> str:
    """A name as part of a path.

    >>> slug("thermal camera")
    'thermal-camera'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class Stage:
    """Where cells are measured; what they share is made when the first of them needs it."""

    def __init__(self, tools: EvalContext) -> None:
        self.tools = tools
        self.source = source_renderer(tools.generator)
        self._goal: tuple[str, Goal] | None = None

    def measure(self, cell: Cell) -> Iterator[str | Values]:
        """Measure a cell and write its file, unless that is done already.

        Yields:
            Sentences about the progress, at last the values.

        Raises:
            UserError: a method that failed, or a folder that cannot be written.
        """
        path, identity = cell_path(self.tools.out, cell.domain, cell.name), cell.identity(self.tools)
        values = read_cell(path, identity)
        if values is None:
            for step in _measure(self.tools, self, cell.row, cell.domain, path):
                if isinstance(step, str):
                    yield step
                else:
                    values = step
            write_json(path, {"identity": identity, "values": values})
        yield values

    @functools.cached_property
    def bench(self) -> Bench:
        """The people, and how the base shows them."""
        tools = self.tools
        cast = EvalSet.draw(tools.generator, tools.truth, tools.plan)
        *_, shots = render_all(self.source, cast, everyone=True)
        return Bench.set_up(cast, tools.truth, tools.judge, tools.perception, shots)

    def reference(self, domain: str) -> Tensor:
        """The reference [1, 3, S, S] on the base's device."""
        side = max(REFERENCE_SIDE, self.tools.generator.config.image_resolution)
        return self.tools.truth.reference(domain, side).to(self.tools.device)

    def goal(self, domain: str) -> Goal:
        """The true pictures of a domain, kept until another is asked for."""
        if self._goal is None or self._goal[0] != domain:
            tools, cast = self.tools, self.bench.cast
            images = tools.truth.images(domain, cast.latents, cast.cameras).to(tools.device)
            seen, reference = (look(tools.judge, tools.perception, x) for x in (images, self.reference(domain)))
            self._goal = domain, Goal(domain, images, seen, reference)
        return self._goal[1]


def _measure(
    tools: EvalContext, stage: Stage, row: "str | MethodEntry", domain: str, path: Path
) -> Iterator["str | Values"]:
    yield "preparing"
    bench, goal = stage.bench, stage.goal(domain)
    values: Values = {}
    if row == SOURCE:
        shots = bench.source
    else:
        painter: Renderer | None = None
        if isinstance(row, MethodEntry):
            for step in _prepare(tools, stage, row, domain, path):
                if isinstance(step, str):
                    yield step
                else:
                    painter, values = step
        elif row == TRUTH:
            painter = truth_renderer(tools.truth, domain, tools.generator.config.raw_resolution)
        else:
            painter = oracle_renderer(stage.source, tools.truth, domain)
        for shots in render_all(painter, bench.cast):
            if isinstance(shots, int):
                yield f"painting {shots}/{len(bench.cast)}"
    yield "measuring"
    images = shots.pairs.image
    values = measure_pictures(bench, goal, images, shots.front.image) | measure_shape(bench, shots) | values
    save_png(path.with_suffix(".png"), strip(images[:SHOWN]))
    save_png(path.with_name("reference.png"), strip(stage.reference(domain), images.shape[-1]))
    yield values


def _prepare(
    tools: EvalContext, stage: Stage, row: MethodEntry, domain: str, path: Path
) -> Iterator[str | tuple[Renderer, Values]]:
    reference = stage.reference(domain)
    if row.method.per_frame:
        yield "painting"
        stylize = functools.partial(
            stylize_frames, encoder=tools.encoders, guidance=reference, method=row.method, seed=tools.seed
        )
        yield frame_renderer(stage.source, stylize), {}
        return
    domain_file = path.with_suffix(".safetensors")
    with measured(tools.device) as cost:
        for step in adapted_domain(tools, row.method, Guidance(reference)):
            if isinstance(step, str):
                yield step
            else:
                adapted = step
    adapted.save(domain_file)
    values: Values = {
        "seconds": cost.seconds,
        "peak_mb": None if cost.peak_bytes is None else cost.peak_bytes / 1e6,
        "file_kb": domain_file.stat().st_size / 1e3,
    }
    yield domain_renderer(tools.generator, adapted.apply(tools.generator, checked=True)), values


def adapted_domain(tools: EvalContext, method: Method, guidance: Guidance) -> Iterator[str | Domain]:
    """Adapt; yields sentences about the progress, at last the domain.

    Raises:
        UserError: the method failed.
    """
    events = adapt(
        tools.generator,
        tools.encoders,
        guidance,
        method,
        seed=tools.seed,
        base=tools.base,
        inverter=tools.inverter,
    )
    for event in events:
        if event.stage == FAILED:
            raise UserError(f"{method.name} failed. {event.message}")
        yield f"{event.stage} {event.step}/{event.total}"
    yield event.domain


def pictures(out: Path, domain: str, row: str) -> np.ndarray:
    """The strip of pictures of a cell, uint8 [H, W, 3]."""
    return read_strip(cell_path(out, domain, row).with_suffix(".png"))


def plain(value: object) -> object:
    """A value as JSON gives it back: tuples become lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
