"""``adapter edit``: a person's file in; pictures or a video of the person, edited, in any world out."""

import argparse
import math
from pathlib import Path

from adapter.cli.progress import ProgressLine
from adapter.errors import UserError
from adapter.media.grids import save_png
from adapter.service import library
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
    parser.add_argument(
        "--set", type=amount, action="append", default=[], metavar="EDIT=AMOUNT", help="such as smile=1.5; repeatable"
    )
    parser.add_argument(
        "--text",
        metavar="WORDS",
        help="edit by words, such as 'a person with curly hair', before everything else; writes the new person, too. "
        "Needs a CLIP that reads everything: ENCODER=ViT-B-32",
    )
    parser.add_argument("--steps", type=int, default=TEXT_EDIT_STEPS, help="with --text, default: %(default)s")
    parser.add_argument("--domain", help="a domain's file, or the name of a ready one; the base's world without it")
    parser.add_argument("--strength", type=float, default=1.0, help="of the domain, default: 1")
    parser.add_argument("--yaw", type=float, default=0.0, help="of the camera in degrees, -55 to 55")
    parser.add_argument("--pitch", type=float, default=0.0, help="of the camera in degrees, -25 to 25")
    parser.add_argument("--orbit", action="store_true", help="write a video from side to side")
    parser.add_argument("--base", help="a name, a folder or a Hub id, default: the variable BASE, or the embedded base")


def run(args: argparse.Namespace) -> None:
    """Render, and name the file on stdout.

    Raises:
        UserError: no such person, edit or domain.
    """
    settings = Settings.from_environment()
    base = args.base or settings.base
    if args.out is None:
        for edit in edits(base):
            print(f"{edit.name:16} {edit.low} to {edit.high}")
        return
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    person = args.person if args.text is None else _by_words(args, folder, base, settings)
    domain = args.domain
    if domain and not Path(domain).is_file():
        domain = str(library.local(library.find(domain, settings), settings))
    request = PersonRequest(
        person,
        kind=ORBIT if args.orbit else "image",
        edits=dict(args.set),
        mix=((domain, args.strength),) if domain else (),
        yaw=math.radians(args.yaw),
        pitch=math.radians(args.pitch),
        folder=str(folder),
        base=base,
        library=str(settings.library),
    )
    if not args.orbit:
        path = folder / "person.png"
        save_png(path, render_image(request))
        print(path)
        return
    line = ProgressLine()
    for update in render_file(request):
        if update.file:
            line.clear()
            print(update.file)
        else:
            line.show(f"[{100 * update.fraction:3.0f} %] {update.stage} {update.step}/{update.total}")


def _by_words(args: argparse.Namespace, folder: Path, base: str, settings: Settings) -> str:
    """Edit by words; the path of the new person's file, which is also printed."""
    request = TextEditRequest(
        args.person, args.text, str(folder), args.steps, base, settings.encoder, str(settings.library)
    )
    line, person = ProgressLine(), ""
    for update in text_edit_job(request):
        if update.found is not None:
            person = update.found.person
        else:
            line.show(f"[{100 * update.fraction:3.0f} %] {update.stage} {update.step}/{update.total}")
    line.clear()
    print(person)
    return person


def amount(text: str) -> tuple[str, float]:
    """Name and amount of an edit, such as smile=1.5; raises `UserError`."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise UserError(f"--set takes EDIT=AMOUNT, such as smile=1.5, and not {text!r}.") from error
