"""``adapter invert``: a portrait in; the person of a base who looks like it out."""

import argparse
import sys
from pathlib import Path

from adapter.cli.progress import follow
from adapter.media.alignment import framing_of
from adapter.media.crop import Crop
from adapter.media.portrait import cut_portrait, describe_portrait, find_portraits
from adapter.media.references import read_picture
from adapter.service.jobs import invert_job
from adapter.service.person_requests import STEPS, TUNING_STEPS, InvertRequest
from adapter.service.settings import Settings


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "invert",
        help="find the person of a base who looks like a portrait",
        description="Finds the face in a portrait, levels it, and looks for the person of the base; writes "
        "person.safetensors, portrait.png and render.png. `adapter edit` and the tab You open the file.",
    )
    parser.add_argument("portrait", metavar="IMAGE", help="a JPEG, PNG or WebP file")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--face", type=int, default=1, help="which face, the largest is 1, default: %(default)s")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the inversion, default: %(default)s")
    parser.add_argument(
        "--tuning",
        type=int,
        nargs="?",
        default=0,
        const=TUNING_STEPS,
        metavar="STEPS",
        help="add what the base cannot show to the person (pivotal tuning), in so many steps, default: %(const)s",
    )
    parser.add_argument("--base", help="a name, a folder or a Hub id, default: the variable BASE, or the embedded base")


def run(args: argparse.Namespace) -> None:
    """Invert, show how it goes on stderr, and name the files on stdout.

    Raises:
        UserError: an unusable picture or setting.
    """
    settings = Settings.from_environment()
    base = args.base or settings.base
    image = read_picture(args.portrait)
    crops = find_portraits(image, framing_of(base))
    place = min(max(args.face, 1), max(1, len(crops))) - 1
    if len(crops) != 1:
        print(f"{args.portrait}: {describe_portrait(crops, place)}", file=sys.stderr)
    portrait = cut_portrait(image, crops[place] if crops else Crop(inside=False))
    Path(args.out).mkdir(parents=True, exist_ok=True)
    request = InvertRequest(
        portrait.pixels,
        portrait.weight,
        args.out,
        portrait.yaw,
        portrait.pitch,
        steps=args.steps,
        tuning=args.tuning,
        base=base,
        encoder=settings.encoder,
        library=str(settings.library),
    )
    found = follow(invert_job(request)).found
    assert found is not None
    print(found.person, found.portrait, found.render, sep="\n")
    print(f"LPIPS {found.distance:.3f}, yaw {found.yaw:.2f}, pitch {found.pitch:.2f}", file=sys.stderr)
