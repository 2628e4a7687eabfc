"""``adapter directions``: find a base's named edits, and write them beside the base."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.cli.progress import ProgressLine
from adapter.errors import UserError
from adapter.service.settings import Settings
from adapter.utils.paths import base_folder

if TYPE_CHECKING:
    from adapter.eg3d import Generator
    from adapter.latents.find_directions import Found

METHODS = ("rows", "sefa", "axes")
ROUNDS = 2


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "directions",
        help="find the named edits of a base",
        description="Renders random people of a base, reads their face meshes and tones, regresses them on the rows of "
        "their latents, and combines the edits until renders show one thing at a time; labels.json beside the base "
        "adds what no mesh tells (sex, age, glasses). Writes directions.json and directions.safetensors, which the tab "
        "You and `adapter edit` read. Half a second a render on one core for the base faces.",
    )
    parser.add_argument("--base", help="a name, a folder or a Hub id, default: the variable BASE, or the embedded base")
    parser.add_argument("--people", type=int, default=1600, help="to render and read, default: %(default)s")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default=METHODS[0],
        help="rows: one edit for each reading, which moves coarse and fine rows apart; sefa: what the affine layers "
        "amplify most; axes: principal axes of w. The last two are named by the reading that they change most, where a "
        "face can be read. Default: rows",
    )
    parser.add_argument(
        "--tries",
        type=int,
        default=32,
        help=f"people on whom the edits of --method rows are tried, {ROUNDS} times; 0: the regression alone; default: "
        "%(default)s",
    )
    parser.add_argument("--count", type=int, default=12, help="directions of sefa and axes, default: %(default)s")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write, default: the base's own")


def run(args: argparse.Namespace) -> None:
    """Find, write, and print a table of what was found.

    Raises:
        UserError: no such base, or a number out of range.
    """
    import torch

    from adapter.adaptation import fingerprint
    from adapter.hub.bases import load_base
    from adapter.latents.directions import Direction, save_directions
    from adapter.latents.find_directions import UNIT

    if not 50 <= args.people <= 20_000 or not 0 <= args.tries <= 1000:
        raise UserError("Between 50 and 20000 people can be read, and edits tried on 0 to 1000.")
    base = args.base or Settings.from_environment().base
    generator = load_base(base).to("cuda" if torch.cuda.is_available() else "cpu")
    line = ProgressLine(20.0)
    found = _find(generator, base, args, line)
    line.clear()
    if not found:
        raise UserError("No face could be read in the renders of this base. Choose --method sefa or axes.")
    path = save_directions(
        args.out or base_folder(base) or Path.cwd(),
        [(Direction(one.name, one.low, one.high), one.vector) for one in found],
        {
            "unit": f"{UNIT} standard deviations of the reading, or less for one that is hard to move",
            "method": args.method,
            "people": args.people,
            "tries": args.tries,
            "fits": {one.name: round(one.fit, 3) for one in found},
            "base_fingerprint": fingerprint(generator),
        },
    )
    print("| edit | variance explained |\n| --- | ---: |")
    for one in found:
        print(f"| {one.name} | {one.fit:.2f} |")
    print(path, file=sys.stderr)


def _find(generator: "Generator", base: str, args: argparse.Namespace, line: ProgressLine) -> "tuple[Found, ...]":
    """The edits, with progress."""
    from adapter.latents.find_directions import Measured, find, scaled, told_apart
    from adapter.latents.latent_space import LatentSpace
    from adapter.latents.readings import Readings

    def shown(what: str) -> Callable[[int, int], None]:
        return lambda done, count: line.show(f"{what}: {done} of {count} people")

    readings = Readings.of(generator, base_folder(base), told=shown("how readings spread"))
    measured = Measured.of(generator, readings, args.people, told=shown("reading"))
    found = find(generator, measured, args.method, args.count)
    if args.method != METHODS[0] or not found:
        return found
    for number in range(ROUNDS if args.tries else 0):
        found = told_apart(
            generator, found, readings, args.tries, told=shown(f"telling edits apart, round {number + 1}")
        )
    return scaled(found, LatentSpace.of(generator))
