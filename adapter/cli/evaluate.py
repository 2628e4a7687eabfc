"""``python -m adapter evaluate``: every method on target domains with ground truth; a table, a figure, numbers."""

import argparse
import functools
import os
import sys
import time
from pathlib import Path

from adapter.errors import UserError

BASE, ENCODER = "heads", "clip-heads"
HALF = "half of quick"
MOST_JOBS = 64
FULL_PAIRS, FULL_FRONT, FULL_TURNED = 256, 128, 32
ALL = "all"
_SECONDS_BETWEEN_LINES = 0.2
_SECONDS_BETWEEN_LOG_LINES = 20


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure the methods on styles whose ground truth is known",
        description="Adapts the embedded base to procedural styles by every method, compares the results with the true "
        "pictures of the same heads, and writes results.json, table.md and figure.png. What is measured already is "
        "kept: start it again with the same arguments and it goes on. Needs the packages of "
        "requirements-training.txt, for the true pictures.",
    )
    parser.add_argument("--out", required=True, metavar="DIR", type=Path, help="folder to write")
    parser.add_argument(
        "--form",
        choices=["quick", "full"],
        default="quick",
        help="quick: 3 held-out domains, 64 heads, half the steps; full: all domains, 256 heads, for a GPU; "
        "default: %(default)s",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        default=[ALL],
        metavar="METHOD",
        help="names, or NAME:PRESET for another preset than --budget's, such as 3d-adapter:joint; default: all",
    )
    parser.add_argument(
        "--domains",
        nargs="+",
        metavar="DOMAIN",
        help="names, or the groups tuning, held-out, all; tune on the tuning domains only",
    )
    parser.add_argument(
        "--budget",
        metavar="PRESET",
        help="of every method; default: half the steps of quick in the quick form, quick in the full form",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="processes that measure, of one thread each; default: one a core, 1 on a GPU",
    )
    parser.add_argument("--pairs", type=int, metavar="N", help="heads a domain, 8 to 4096")
    parser.add_argument("--seed", type=int, default=0, help="of the adaptations, default: 0")
    parser.add_argument(
        "--text", action="store_true", help="adapt to prompts instead, and see whether the judge names the style"
    )
    parser.add_argument("--words-alone", action="store_true", help="with --text: no picture of the album beside them")
    parser.add_argument("--styles", nargs="+", metavar="STYLE", help="with --text: styles to ask for; default: 20")
    parser.add_argument("--table", type=Path, metavar="FILE", help="document whose marked table is written anew")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="JPEG to write the figure to, too")
    parser.add_argument("--base", default=BASE, help=argparse.SUPPRESS)
    parser.add_argument("--encoder", default=ENCODER, help="CLIP of the adaptations, default: %(default)s")


def run(args: argparse.Namespace) -> None:
    """Evaluate, show how it goes on stderr, and print the table on stdout.

    Raises:
        UserError: an unknown method, preset, domain or style, too few heads, or a method that failed.
    """
    if args.text:
        _ask(args)
    else:
        _contest(args)


def _contest(args: argparse.Namespace) -> None:
    from adapter.evaluation.domains import DOMAINS, QUICK, choose_domains
    from adapter.evaluation.report import FIGURE_FILE, RESULTS_FILE, copy_figure, write_report
    from adapter.evaluation.runner import contest, unmeasured
    from adapter.evaluation.tables import write_table
    from adapter.evaluation.workers import share_out
    from adapter.latents.wplus_encoder import load_inverter

    domains = choose_domains(args.domains) if args.domains else (QUICK if args.form == "quick" else DOMAINS)
    inverter = load_inverter(args.base)
    contestants = _contestants(args, [ALL], inverter is not None)
    tools = _tools(args, 64, inverter)
    missing = unmeasured(tools, contestants, domains)
    jobs = min(_jobs(args, tools.device.type), len(missing))
    if jobs > 1:
        _follow(share_out(functools.partial(_own_tools, args, 64), missing, jobs))
    results = _follow(contest(tools, contestants, domains))
    text = write_report(tools, results, contestants, domains)
    print(text)
    print(tools.out / RESULTS_FILE, tools.out / FIGURE_FILE, sep="\n")
    if args.table:
        write_table(args.table, text)
    if args.figure:
        copy_figure(tools.out, args.figure)


def _jobs(args: argparse.Namespace, device: str) -> int:
    if args.jobs is not None and not 1 <= args.jobs <= MOST_JOBS:
        raise UserError(f"The number of jobs must be from 1 to {MOST_JOBS}.")
    return args.jobs or (1 if device == "cuda" else os.cpu_count() or 1)


def _own_tools(args: argparse.Namespace, pairs: int):
    from adapter.latents.wplus_encoder import load_inverter

    return _tools(args, pairs, load_inverter(args.base))


def _ask(args: argparse.Namespace) -> None:
    from adapter.encoders.encoder import load_text_encoder
    from adapter.evaluation.text_prompts import ask, asked_styles, text_markdown
    from adapter.latents.wplus_encoder import load_inverter
    from adapter.utils.atomic import replacing
    from adapter.utils.storage import write_json

    inverter = load_inverter(args.base)
    contestants = _contestants(args, ["3d-adapter"], inverter is not None)
    tools = _tools(args, 16, inverter)
    styles = tuple(args.styles or asked_styles(tools.truth.styles))
    for style in styles:
        if style not in tools.truth.styles:
            raise UserError(f"There is no style named {style!r}. Choose from: {', '.join(tools.truth.styles)}.")
    reader = load_text_encoder(args.encoder).to(tools.device)
    album = (lambda prompt: None) if args.words_alone else _album(args.encoder, reader)
    found = _follow(ask(tools, [reader], contestants, styles, album))
    text = text_markdown(found)
    write_json(tools.out / "text.json", {"identity": tools.identity, "values": found})
    with replacing(tools.out / "text.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    print(text)


def _album(encoder: str, reader):
    """Gives the album's picture of what a prompt is read as."""
    from adapter.encoders.style_examples import picture_for
    from adapter.encoders.vocabulary import load_vocabulary
    from adapter.evaluation.runner import REFERENCE_SIDE
    from adapter.media.images import to_tensor

    vocabulary = load_vocabulary(encoder, reader)

    def picture(prompt: str):
        found = picture_for(prompt, encoder, reader, vocabulary)
        return None if found is None else to_tensor(found, REFERENCE_SIDE)

    return picture


def _contestants(args: argparse.Namespace, default: list[str], inverter: bool) -> list:
    from adapter.evaluation.runner import MethodEntry
    from adapter.methods import METHODS, get_method, title

    names = default if args.methods == [ALL] else args.methods
    names = list(METHODS) if names == [ALL] else list(dict.fromkeys(names))
    budget = args.budget or "quick"
    halved = args.budget is None and args.form == "quick" and not args.text and args.methods == [ALL]
    if args.methods == [ALL] and not any(budget in METHODS[name] for name in names):
        raise UserError(f"No method has a preset named {budget!r}.")
    found = []
    for name in names:
        method_name, _, preset = name.partition(":")
        if not preset:
            presets = METHODS.get(method_name, {})
            preset = budget if budget in presets or args.methods != [ALL] else next(iter(presets))
        method = get_method(method_name, preset)
        if halved:
            method = method.of_length(method.steps // 2, HALF)
        shown = title(method, inverter)
        found.append(MethodEntry(name, f"{shown}, {preset}" if ":" in name else shown, method))
    return found


def _tools(args: argparse.Namespace, pairs: int, inverter):
    import torch

    from adapter.adaptation import fingerprint
    from adapter.eg3d import Eg3d
    from adapter.encoders.encoder import load_encoder
    from adapter.evaluation.classifier import load_judge
    from adapter.evaluation.lpips import local_lpips
    from adapter.evaluation.renderers import Plan
    from adapter.evaluation.runner import EvalContext
    from adapter.latents.wplus_encoder import Inverter
    from adapter.utils.torchvision_compat import ensure_torchvision

    if args.pairs is not None and not 8 <= args.pairs <= 4096:
        raise UserError("The number of heads must be from 8 to 4096.")
    try:
        from adapter.training.classifier.truth import ProceduralTruth
    except ModuleNotFoundError as error:
        raise UserError(
            f"The true pictures need the package {error.name}. Run: pip install -r requirements-training.txt"
        ) from error

    ensure_torchvision()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = Eg3d.from_pretrained(args.base).to(device)
    judge = load_judge().to(device)
    full = args.form == "full" and not args.text
    pairs = args.pairs or (FULL_PAIRS if full else pairs)
    plan = Plan(pairs=pairs, front=FULL_FRONT, turned=FULL_TURNED) if full else Plan(pairs=pairs)
    if isinstance(inverter, Inverter):
        inverter.check(fingerprint(generator))
    return EvalContext(
        generator,
        args.base,
        [load_encoder(args.encoder).to(device)],
        judge,
        ProceduralTruth(generator.config.image_resolution),
        args.out,
        local_lpips(),
        inverter=None if inverter is None else inverter.to(device),
        seed=args.seed,
        plan=plan,
        names={"encoder": args.encoder},
    )


def _follow(steps):
    """Show progress until the findings come, or to the end; returns them."""
    from adapter.evaluation.runner import Progress

    started, shown, fresh = time.monotonic(), 0.0, None
    for step in steps:
        if not isinstance(step, Progress):
            _show("")
            return step
        fresh = step.done if fresh is None else fresh
        now = time.monotonic()
        wait = _SECONDS_BETWEEN_LINES if sys.stderr.isatty() else _SECONDS_BETWEEN_LOG_LINES
        if now - shown >= wait:
            shown = now
            measured = step.done - fresh
            left = (now - started) / measured * (step.total - step.done) if measured else None
            _show(_line(step.done, step.total, step.what, left))
    _show("")
    return None


def _line(done: int, total: int, what: str, left: float | None) -> str:
    rest = "" if left is None else f", about {left / 60:.0f} min left"
    return f"[{done}/{total}] {what}{rest}"


def _show(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
    elif line:
        print(line, file=sys.stderr, flush=True)
