"""``adapter evaluate``: every method on target domains with ground truth; a table, a figure, numbers."""

import argparse
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from adapter.adaptation import fingerprint
from adapter.cli.evaluate_edits import evaluate_named_edits
from adapter.cli.evaluate_inversion import evaluate_inversion
from adapter.cli.evaluate_shapes import evaluate_meshes, evaluate_path_length
from adapter.cli.progress import ProgressLine
from adapter.eg3d import Eg3d
from adapter.encoders.encoder import load_encoder, load_text_encoder
from adapter.encoders.style_examples import picture_for
from adapter.encoders.text import TextEncoder
from adapter.encoders.vocabulary import load_vocabulary
from adapter.errors import UserError
from adapter.evaluation.classifier import load_classifier
from adapter.evaluation.domains import DOMAINS, QUICK, choose_domains
from adapter.evaluation.eval_set import EvalConfig
from adapter.evaluation.lpips import lpips_model
from adapter.evaluation.report import FIGURE_FILE, RESULTS_FILE, copy_figure, write_report
from adapter.evaluation.runner import (
    REFERENCE_SIDE,
    EvalContext,
    EvalProgress,
    MethodEntry,
    missing_cells,
    run_evaluation,
)
from adapter.evaluation.tables import read_document, write_table
from adapter.evaluation.text_prompts import evaluate_prompts, spread_styles, text_markdown
from adapter.evaluation.workers import run_parallel
from adapter.hub.bases import EMBEDDED_ENCODER, RULER
from adapter.latents.wplus_encoder import Inverter, load_inverter
from adapter.media.images import to_tensor
from adapter.methods import METHODS, get_method, title
from adapter.utils.atomic import replacing
from adapter.utils.storage import write_json
from adapter.utils.threads import usable_cores
from adapter.utils.torchvision_compat import ensure_torchvision

ALL = "all"
HALF = "half of quick"
"""Preset of the quick form: half the steps of "quick"."""
MAX_JOBS = 64
PAIRS, TEXT_PAIRS = 64, 16
FULL = EvalConfig(pairs=256, front=128, turned=32)
_SECONDS_BETWEEN_LOG_LINES = 20
T = TypeVar("T")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure the methods on styles with ground truth",
        description="Adapts the embedded base to procedural styles by every method, compares the results with the true "
        "pictures of the same heads, and writes results.json, table.md and figure.png. Finished measurements are "
        "kept: start it again with the same arguments and it resumes. Needs the packages of "
        "requirements-training.txt, for the true pictures.",
    )
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", type=Path, help="folder to write")
    add(
        "--form",
        choices=["quick", "full"],
        default="quick",
        help="quick: 3 held-out domains, 64 heads, half the steps; full: all domains, 256 heads, for a GPU; "
        "default: %(default)s",
    )
    add(
        "--methods",
        nargs="+",
        default=[ALL],
        metavar="METHOD",
        help="names, or NAME:PRESET for another preset than --budget's, such as 3d-adapter:joint; default: all",
    )
    add(
        "--domains",
        nargs="+",
        metavar="DOMAIN",
        help="names, or the groups tuning, held-out, all; tune on the tuning domains only",
    )
    add(
        "--budget",
        metavar="PRESET",
        help="of every method; default: half the steps of quick in the quick form, quick in the full form",
    )
    add("--jobs", type=int, metavar="N", help="processes of one thread each; default: one a core, 1 on a GPU")
    add("--pairs", type=int, metavar="N", help="heads a domain, 8 to 4096")
    add("--seed", type=int, default=0, help="of the adaptations, default: 0")
    add(
        "--seeds",
        type=int,
        nargs="+",
        metavar="SEED",
        help="adapt once with each; the table shows means and spreads, and what each method misses of the first one",
    )
    add("--text", action="store_true", help="adapt to prompts instead, and measure how often the style is recognised")
    add("--words-alone", action="store_true", help="with --text: no picture of the album beside the words")
    add("--styles", nargs="+", metavar="STYLE", help="with --text: styles to adapt to; default: 20")
    _add_other_measures(add)
    add("--table", type=Path, metavar="FILE", help="document whose marked table is replaced")
    add("--figure", type=Path, metavar="FILE", help="JPEG to write the figure to, too")
    add("--base", default=RULER, help="embedded base; of heads the true shapes are known, default: %(default)s")
    add("--encoder", default=EMBEDDED_ENCODER, help="CLIP of the adaptations, default: %(default)s")


def _add_other_measures(add: Callable[..., object]) -> None:
    """What is measured in place of the methods."""
    add("--path-length", action="store_true", help="of --base and each of its ready domains, over 256 pairs of people")
    add("--meshes", action="store_true", help="silhouettes of meshes against 32 true heads; faces: depth of landmarks")
    add("--inversion", action="store_true", help="invert portraits of people of --base, default: 32 of them")
    add(
        "--edits",
        action="store_true",
        help="try the edits of --base on 32 people, in three --domains, too; or --figure",
    )
    add("--portraits", nargs="+", metavar="IMAGE", help="with --inversion: pictures from outside, too")
    add("--steps", type=int, help="with --inversion: of each inversion")
    add("--tuning", type=int, default=0, metavar="STEPS", help="with --inversion: of pivotal tuning, default: none")


def run(args: argparse.Namespace) -> None:
    """Evaluate, show the progress on stderr, and print the table on stdout.

    Raises:
        UserError: an unknown method, preset, domain or style, too few heads, or a method that failed.
    """
    if args.inversion:
        evaluate_inversion(args)
    elif args.edits:
        evaluate_named_edits(args)
    elif args.path_length:
        evaluate_path_length(args)
    elif args.meshes:
        evaluate_meshes(args)
    elif args.text:
        _evaluate_text(args)
    else:
        _evaluate(args)


def _evaluate(args: argparse.Namespace) -> None:
    domains = choose_domains(args.domains) if args.domains else (QUICK if args.form == "quick" else DOMAINS)
    entries = _entries(args, [ALL])
    if args.table:
        read_document(args.table)
    context = make_context(args)
    missing = missing_cells(context, entries, domains)
    jobs = min(_jobs(args, context.device.type), len(missing))
    if jobs > 1:
        for _ in _with_progress(run_parallel(functools.partial(make_context, args), missing, jobs)):
            pass
    (results,) = _with_progress(run_evaluation(context, entries, domains))
    text = write_report(context, results, entries, domains)
    print(text)
    print(context.out / RESULTS_FILE, context.out / FIGURE_FILE, sep="\n")
    if args.table:
        write_table(args.table, text)
    if args.figure:
        copy_figure(context.out, args.figure)


def _evaluate_text(args: argparse.Namespace) -> None:
    if args.seeds:
        raise UserError("--text takes one seed. Use --seed.")
    entries = _entries(args, ["3d-adapter"])
    context = make_context(args)
    known = context.truth.styles
    styles = tuple(args.styles or spread_styles(known))
    for style in styles:
        if style not in known:
            raise UserError(f"There is no style named {style!r}. Choose from: {', '.join(known)}.")
    text_encoder = load_text_encoder(args.encoder).to(context.device)
    album = _no_picture if args.words_alone else _album(args.encoder, text_encoder)
    (results,) = _with_progress(evaluate_prompts(context, [text_encoder], entries, styles, album))
    text = text_markdown(results)
    write_json(context.out / "text.json", {"identity": context.identity, "values": results})
    with replacing(context.out / "text.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    print(text)


def _jobs(args: argparse.Namespace, device: str) -> int:
    if args.jobs is not None and not 1 <= args.jobs <= MAX_JOBS:
        raise UserError(f"The number of jobs must be from 1 to {MAX_JOBS}.")
    return args.jobs or (1 if device == "cuda" else usable_cores())


def _no_picture(prompt: str) -> None:
    return None


def _album(encoder: str, text_encoder: TextEncoder) -> Callable[[str], Tensor | None]:
    """From a prompt to the album's picture of the style that it names."""
    vocabulary = load_vocabulary(encoder, text_encoder)

    def picture(prompt: str) -> Tensor | None:
        found = picture_for(prompt, encoder, text_encoder, vocabulary)
        return None if found is None else to_tensor(found, REFERENCE_SIDE)

    return picture


def _entries(args: argparse.Namespace, default: list[str]) -> list[MethodEntry]:
    """The methods of the command line, in the preset and length that it names."""
    every = args.methods == [ALL]
    names = default if every else args.methods
    names = list(METHODS) if names == [ALL] else list(dict.fromkeys(names))
    budget = args.budget or "quick"
    halved = args.budget is None and args.form == "quick" and not args.text and every
    if every and not any(budget in METHODS[name] for name in names):
        raise UserError(f"No method has a preset named {budget!r}.")
    has_inverter = load_inverter(args.base) is not None
    entries = []
    for name in names:
        method_name, _, preset = name.partition(":")
        if not preset:
            presets = METHODS.get(method_name, {})
            preset = budget if budget in presets or not every else next(iter(presets))
        method = get_method(method_name, preset)
        if halved:
            method = method.of_length(method.steps // 2, HALF)
        shown = title(method, has_inverter)
        entries.append(MethodEntry(name, f"{shown}, {preset}" if ":" in name else shown, method))
    return entries


def make_context(args: argparse.Namespace) -> EvalContext:
    """Load the models of an evaluation; also called by each of its processes.

    Raises:
        UserError: a number of heads out of range, or packages or files that are missing.
    """
    if args.pairs is not None and not 8 <= args.pairs <= 4096:
        raise UserError("The number of heads must be from 8 to 4096.")
    try:
        from adapter.synthetic.faces.ground_truth import FacesGroundTruth
        from adapter.synthetic.ground_truth import HeadsGroundTruth
    except ModuleNotFoundError as error:
        raise UserError(
            f"The true pictures need the package {error.name}. Run: pip install -r requirements-training.txt"
        ) from error
    ensure_torchvision()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = Eg3d.from_pretrained(args.base).to(device)
    full = args.form == "full" and not args.text
    pairs = args.pairs or (FULL.pairs if full else TEXT_PAIRS if args.text else PAIRS)
    config = EvalConfig(pairs, FULL.front, FULL.turned) if full else EvalConfig(pairs)
    inverter = load_inverter(args.base)
    if isinstance(inverter, Inverter):
        inverter.check(fingerprint(generator))
    classifier = load_classifier().to(device)
    heads = args.base == RULER
    return EvalContext(
        generator,
        args.base,
        [load_encoder(args.encoder).to(device)],
        classifier,
        HeadsGroundTruth(generator.config.image_resolution) if heads else FacesGroundTruth(generator, classifier),
        args.out,
        lpips_model(),
        inverter=None if inverter is None else inverter.to(device),
        seeds=tuple(dict.fromkeys(args.seeds or [args.seed])),
        config=config,
        names={"encoder": args.encoder},
    )


def _with_progress(steps: Iterable[EvalProgress | T]) -> Iterator[T]:
    """Show the progress on stderr and yield everything else."""
    line = ProgressLine(_SECONDS_BETWEEN_LOG_LINES)
    started, kept = time.monotonic(), None
    for step in steps:
        if not isinstance(step, EvalProgress):
            line.clear()
            yield step
            continue
        # Cells that were measured before say nothing about the time of the others.
        kept = step.done if kept is None else kept
        measured = step.done - kept
        left = (time.monotonic() - started) / measured * (step.total - step.done) if measured else None
        line.show(progress_text(step, left))
    line.clear()


def progress_text(step: EvalProgress, seconds_left: float | None) -> str:
    """The progress line of an evaluation."""
    rest = "" if seconds_left is None else f", about {seconds_left / 60:.0f} min left"
    return f"[{step.done}/{step.total}] {step.text}{rest}"
