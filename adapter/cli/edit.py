"""``adapter edit``: a person's file in; pictures or a video of the person, edited, in any world out."""

import argparse
import math
from pathlib import Path
from typing import Any

from adapter.cli.progress import follow
from adapter.cli.worlds import add_world, world_of
from adapter.errors import UserError
from adapter.media.grids import save_png
from adapter.service.jobs import render_file, render_image, text_edit_job
from adapter.service.person_requests import TEXT_EDIT_STEPS, PersonRequest, TextEditRequest
from adapter.service.persons import edits
from adapter.service.requests import ORBIT
from adapter.service.settings import Settings


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
    parser.add_argument(
        "--text",
        metavar="WORDS",
        help="edit by words, such as 'a person with curly hair', before everything else; writes the new person, too. "
        "Needs a CLIP that reads everything: ENCODER=ViT-B-32",
    )
    parser.add_argument("--steps", type=int, default=TEXT_EDIT_STEPS, help="with --text, default: %(default)s")
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
    person = args.person if args.text is None else _by_words(args, folder, world)
    request = PersonRequest(
        person,
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


def _by_words(args: argparse.Namespace, folder: Path, world: dict[str, Any]) -> str:
    """Edit by words; the path of the new person's file, which is also printed."""
    encoder = Settings.from_environment().encoder
    request = TextEditRequest(args.person, args.text, str(folder), args.steps, world["base"], encoder, world["library"])
    found = follow(text_edit_job(request)).found
    if found is None:
        raise UserError("The edit ended without a person. Try again.")
    print(found.person)
    return found.person
