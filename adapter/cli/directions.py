"""``adapter directions``: find a base's named edits, and write them beside the base."""

import argparse
import sys
from pathlib import Path

from adapter.cli.progress import ProgressLine
from adapter.errors import UserError
from adapter.service.settings import Settings
from adapter.utils.paths import CHECKPOINTS

METHODS = ("measures", "sefa", "axes")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "directions",
        help="find the named edits of a base",
        description="Renders random people of a base, reads their face meshes and tones, and regresses them on w; "
        "labels.json beside the base adds what nobody can measure (sex, age, glasses). Writes directions.json, which "
        "the tab You and `adapter edit` read. 0.2 s a person on two cores for the base faces.",
    )
    parser.add_argument("--base", help="a name, a folder or a Hub id, default: the variable BASE, or the embedded base")
    parser.add_argument("--people", type=int, default=800, help="to render and measure, default: %(default)s")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default=METHODS[0],
        help="measures: one edit for each measure; sefa: what the affine layers amplify most; axes: principal axes of "
        "w. The last two are named by the measure that they change most, where a face can be read. Default: measures",
    )
    parser.add_argument(
        "--tries",
        type=int,
        default=0,
        help="people on whom the 40 longest axes of w are tried with --method measures; edits are then made from how "
        "renders respond, and not from how people differ. Two will do; default: %(default)s, the regression alone",
    )
    parser.add_argument("--count", type=int, default=12, help="directions of sefa and axes, default: %(default)s")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write, default: the base's own")


def run(args: argparse.Namespace) -> None:
    """Find, write, and print a table of what was found.

    Raises:
        UserError: no such base, too few people, or a base without a folder.
    """
    import torch

    from adapter.adaptation import fingerprint
    from adapter.hub.bases import load_base
    from adapter.latents import directions
    from adapter.latents.find_directions import LABELS, Measured, find
    from adapter.latents.latent_space import LatentSpace
    from adapter.latents.responses import axis_responses
    from adapter.utils.storage import write_json

    if not 50 <= args.people <= 20_000:
        raise UserError("Between 50 and 20000 people can be measured.")
    base = args.base or Settings.from_environment().base
    folder = args.out or _folder(base)
    generator = load_base(base).to("cuda" if torch.cuda.is_available() else "cpu")
    line = ProgressLine(20.0)
    measured = Measured.of(generator, args.people, progress=lambda done, count: line.show(f"{done} of {count} people"))
    own = _folder(base)
    if own is not None:
        measured = measured.with_labels(own / LABELS)
    jacobian = None
    if args.tries and args.method == METHODS[0]:
        space = LatentSpace.of(generator)
        jacobian = axis_responses(
            generator, space, people=args.tries, told=lambda done, count: line.show(f"axes: {done} of {count} people")
        )
    line.clear()
    found = find(generator, measured, args.method, args.count, jacobian)
    if not found:
        raise UserError("No face could be read in the renders of this base. Choose --method sefa or axes.")
    path = (folder or Path.cwd()) / directions.FILE
    about = {
        "space": "w",
        "unit": "standard deviations of the measure",
        "method": args.method,
        "people": args.people,
        "base_fingerprint": fingerprint(generator),
        "directions": [
            {
                "name": one.name,
                "low": one.low,
                "high": one.high,
                "fit": round(one.fit, 3),
                "vector": [round(value, 5) for value in one.vector.tolist()],
            }
            for one in found
        ],
    }
    write_json(path, about)
    print("| edit | variance explained |\n| --- | ---: |")
    for one in found:
        print(f"| {one.name} | {one.fit:.2f} |")
    print(path, file=sys.stderr)


def _folder(base: str) -> Path | None:
    """The folder of an embedded base, or of one that is given by its folder."""
    return next((folder for folder in (CHECKPOINTS / base, Path(base)) if folder.is_dir()), None)
