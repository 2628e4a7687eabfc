"""``adapter edit``: a person's file in; pictures or a video of the person, edited, in any world out."""

import argparse
import math
from pathlib import Path

from adapter.cli.progress import follow
from adapter.cli.worlds import add_world, world_of
from adapter.media.grids import save_png
from adapter.service.jobs import render_file, render_image
from adapter.service.person_requests import PersonRequest
from adapter.service.persons import edits
from adapter.service.requests import ORBIT


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "edit",
        help="turn, edit and restyle a person who was found in a portrait",
        description="Writes person.png, the person as source and as target beside each other, or person.mp4 with "
        "--orbit. Without --set it lists the edits that the base offers.",
    )
    parser.add_argument("person", metavar="FILE", help="person.safetensors that `adapter invert` or the tab You made")
    parser.add_argument("--out", metavar="DIR", help="folder to write; without it, the edits are listed")
    add_world(parser)
    parser.add_argument("--yaw", type=float, default=0.0, help="of the camera in degrees, -55 to 55")
    parser.add_argument("--pitch", type=float, default=0.0, help="of the camera in degrees, -25 to 25")
    parser.add_argument("--orbit", action="store_true", help="write a video from side to side")


def run(args: argparse.Namespace) -> None:
    """Render, and name the file on stdout.

    Raises:
        UserError: no such person, edit or domain.
    """
    world = world_of(args)
    if args.out is None:
        for edit in edits(world["base"]):
            print(f"{edit.name:16} {edit.low} to {edit.high}")
        return
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    request = PersonRequest(
        args.person,
        kind=ORBIT if args.orbit else "image",
        yaw=math.radians(args.yaw),
        pitch=math.radians(args.pitch),
        folder=str(folder),
        **world,
    )
    if args.orbit:
        print(follow(render_file(request)).file)
        return
    path = folder / "person.png"
    save_png(path, render_image(request))
    print(path)
