"""``adapter walk``: a video from person to person and back, in two worlds at once."""

import argparse
import math
from pathlib import Path

from adapter.cli.progress import ProgressLine
from adapter.cli.worlds import add_world, world_of
from adapter.service.jobs import render_file
from adapter.service.shape_requests import FRAMES, WalkRequest


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "walk",
        help="walk from person to person and back, as source and as target",
        description="Writes walk.mp4, a loop without a seam at constant perceptual speed, while the camera sways. With "
        "--person it begins and ends with that person.",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    add_world(parser, "the people")
    parser.add_argument("--people", type=int, default=4, help="that the walk passes, default: %(default)s")
    parser.add_argument(
        "--frames", type=int, default=FRAMES, help="from each person to the next, on average, default: %(default)s"
    )
    parser.add_argument("--yaw", type=float, default=0.0, help="around which the camera sways, degrees, -55 to 55")
    parser.add_argument("--pitch", type=float, default=0.0, help="around which the camera sways, degrees, -25 to 25")


def run(args: argparse.Namespace) -> None:
    """Walk, and name the file on stdout.

    Raises:
        UserError: an unusable file or setting.
    """
    world = world_of(args)
    request = WalkRequest(
        args.out,
        mix=world.mix,
        person=args.person,
        edits=dict(args.set),
        count=args.people,
        seed=args.seed,
        truncation=args.truncation,
        frames=args.frames,
        yaw=math.radians(args.yaw),
        pitch=math.radians(args.pitch),
        base=world.base,
        library=world.library,
    )
    Path(args.out).mkdir(parents=True, exist_ok=True)
    line = ProgressLine()
    for update in render_file(request):
        if update.file:
            line.clear()
            print(update.file)
        else:
            line.show(f"[{100 * update.fraction:3.0f} %] {update.stage} {update.step}/{update.total}")
