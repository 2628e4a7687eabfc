"""``adapter benchmark``: speed of rendering and adaptation on this machine."""

import argparse
import sys

import torch

from adapter.eg3d import PRESETS, Eg3d, place
from adapter.eg3d.cpu import native
from adapter.errors import UserError
from adapter.evaluation.benchmarks import (
    Row,
    adaptation_rows,
    busy_table,
    load_or_draw_clip,
    rendering_rows,
    table,
)
from adapter.latents.wplus_encoder import load_inverter
from adapter.methods.offers import customize, default_preset
from adapter.methods.presets import METHODS

BASES = ("faces", "heads", "ffhq512")
EMBEDDED = ("faces", "heads")
ENCODER, LARGE_ENCODER = "clip-heads", "ViT-B-32"
_TRAINING = tuple(name for name, own in METHODS.items() if not own["quick"].per_frame)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "benchmark",
        help="measure frames and adaptation steps a second",
        description="Prints a Markdown table: frames a second (planes, rendering, super-resolution, source+target), "
        "steps a second of each stage of adaptation, and peak memory; beside them what the plain kernels take. "
        "Bases other than the embedded ones get random weights, which run as fast as any.",
    )
    parser.add_argument(
        "--bases", nargs="+", choices=[*dict.fromkeys([*EMBEDDED, *PRESETS])], default=list(BASES), metavar="BASE"
    )
    parser.add_argument(
        "--methods", nargs="+", choices=_TRAINING, default=["3d-adapter"], metavar="METHOD", help="default: 3d-adapter"
    )
    parser.add_argument("--encoder", help="CLIP of the losses; default: the one that goes with the base")
    parser.add_argument("--device", help="cpu or cuda; default: cuda where there is one")
    parser.add_argument("--threads", type=int, help="CPU threads, default: all cores")
    parser.add_argument("--repeats", type=int, default=3, help="of each frame's measurement, default: 3")
    parser.add_argument("--steps", type=int, default=3, help="measured steps of each stage, 0 for none, default: 3")
    parser.add_argument("--no-plain", action="store_true", help="leave the plain kernels out")
    parser.add_argument(
        "--busy", action="store_true", help="compare with the times beside a process that keeps one core busy"
    )


def run(args: argparse.Namespace) -> None:
    """Measure, and print the table; kernels are compiled first.

    Raises:
        UserError: a device that is not there, or numbers that are too small.
    """
    if args.repeats < 1 or args.steps < 0 or (args.threads is not None and args.threads < 1):
        raise UserError("Repeats and threads must be at least 1, steps at least 0.")
    device = _device(args.device)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if device.type == "cpu":
        native.build_and_load()
    rows = (
        busy_table(lambda: _rows(args, device, False)) if args.busy else table(_rows(args, device, not args.no_plain))
    )
    print(f"{_machine(device)}, torch {torch.__version__}\n\n{rows}")


def _rows(args: argparse.Namespace, device: torch.device, plain: bool) -> list[Row]:
    rows: list[Row] = []
    for name in args.bases:
        print(f"Measuring {name} on {device} ...", file=sys.stderr)
        generator = place(_generator(name), device)
        rows += rendering_rows(name, generator, args.repeats, plain)
        if args.steps:
            clip = args.encoder or (ENCODER if name in EMBEDDED else LARGE_ENCODER)
            encoder = load_or_draw_clip(clip).to(device)
            inverter = load_inverter(name) if name in EMBEDDED else None
            for method in args.methods:
                rows += adaptation_rows(
                    name,
                    generator,
                    encoder,
                    customize(method, default_preset(method, clip), encoder=clip),
                    args.steps,
                    plain,
                    None if inverter is None else inverter.to(device),
                )
    return rows


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"There is no device called '{name}'. Choose cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("No CUDA device can be used here. Choose --device cpu.")
    return device


def _generator(name: str) -> Eg3d:
    if name in EMBEDDED:
        return Eg3d.from_pretrained(name)
    torch.manual_seed(0)
    return Eg3d(PRESETS[name]).eval().requires_grad_(False)


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads, kernels {'' if native.ready() else 'not '}compiled"
