"""``adapter walk``: a video from person to person and back, in two worlds at once."""

import argparse
import math
from pathlib import Path

from adapter.cli.progress import follow
from adapter.cli.worlds import add_people, add_world, people_of, world_of
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
    add_world(parser)
    add_people(parser, "the people")
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
    request = WalkRequest(
        args.out,
        count=args.people,
        frames=args.frames,
        yaw=math.radians(args.yaw),
        pitch=math.radians(args.pitch),
        **people_of(args),
        **world_of(args),
    )
    Path(args.out).mkdir(parents=True, exist_ok=True)
    print(follow(render_file(request)).file)
