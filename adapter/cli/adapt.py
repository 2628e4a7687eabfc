"""``adapter adapt``: style images or words in; videos, sheets and the domain file out."""

import argparse
import sys
from pathlib import Path

from adapter.cli.progress import follow
from adapter.diffusion.models import DEFAULT_MODEL
from adapter.media.crop import describe_crop
from adapter.media.references import open_reference
from adapter.methods import METHODS
from adapter.methods.offers import DEFAULT_METHOD, TRUNCATION_PSI, default_preset
from adapter.methods.schema import PARTS
from adapter.service.jobs import adapt_job
from adapter.service.prompts import check_prompt
from adapter.service.requests import SOURCE, AdaptRequest
from adapter.service.settings import Settings


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "adapt",
        help="turn style images or words into a new 3D world of faces",
        description="Adapts a generator to pictures or words; writes orbit.mp4, person-N.mp4, grid.png, before.png, "
        "after.png and domain.safetensors. Each file appears complete or not at all.",
    )
    every = ["draft", *dict.fromkeys(name for own in METHODS.values() for name in own)]
    parser.add_argument("--reference", action="append", default=[], metavar="IMAGE", help="a style image; repeatable")
    parser.add_argument("--prompt", default="", help="the style in words, in place of or beside style images")
    parser.add_argument("--source", default=SOURCE, help="what the base shows, in a word, default: %(default)s")
    parser.add_argument(
        "--from-mean",
        action="store_true",
        help="the prompt is a change of the base's mean picture, not of --source",
    )
    parser.add_argument(
        "--words-alone", action="store_true", help="leave out the album's picture that leads beside the words"
    )
    parser.add_argument(
        "--reference-from-text",
        nargs="?",
        default="",
        const=DEFAULT_MODEL,
        metavar="MODEL",
        help="let a diffusion model (Hub id or folder, default: %(const)s) draw the style image from --prompt",
    )
    parser.add_argument("--negative", default="", help="what to stay away from, in words")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--method", choices=list(METHODS), default=DEFAULT_METHOD, help="default: %(default)s")
    parser.add_argument("--preset", choices=every, help="how thoroughly; the method must have it, default: the page's")
    parser.add_argument("--steps", type=int, help="of training, all stages together")
    parser.add_argument("--weight", type=_weight, action="append", default=[], metavar="LOSS=W", help="of one loss")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), help="the only parts that train")
    parser.add_argument("--seed", type=int, default=0, help="of the adaptation, default: 0")
    parser.add_argument("--strength", type=float, default=1.0, help="of the domain in pictures and videos, 0 to 2")
    parser.add_argument(
        "--truncation", type=float, default=TRUNCATION_PSI, help="psi of the people shown, default: %(default)s"
    )
    parser.add_argument("--people", type=int, default=3, help="people in the videos, default: 3")
    parser.add_argument("--cast", type=int, default=AdaptRequest.cast, help="seed that chooses the people")
    parser.add_argument(
        "--crop",
        choices=["face", "middle"],
        default="face",
        help="square of the image to use: around a face where one is found, or the middle",
    )
    parser.add_argument("--base", help="generator: a name, a folder or a Hub id, default: the variable BASE, or faces")
    parser.add_argument("--encoder", help="CLIP image encoder, default: the variable ENCODER, or clip-heads")


def run(args: argparse.Namespace) -> None:
    """Adapt, show how it goes on stderr, and name the files on stdout.

    Raises:
        UserError: an unusable image or setting.
    """
    settings = Settings.from_environment()
    encoder = args.encoder or settings.encoder
    references = [open_reference(path, args.crop, base=args.base or settings.base) for path in args.reference]
    request = AdaptRequest(
        tuple(reference.pixels for reference in references),
        args.out,
        prompt=args.prompt,
        source=args.source,
        from_mean=args.from_mean,
        words_alone=args.words_alone,
        negative=args.negative,
        reference_from_text=args.reference_from_text,
        method=args.method,
        preset=args.preset or default_preset(args.method, encoder),
        weights=dict(args.weight),
        steps=args.steps,
        parts=tuple(args.parts) if args.parts else None,
        seed=args.seed,
        strength=args.strength,
        truncation=args.truncation,
        people=args.people,
        cast=args.cast,
        base=args.base or settings.base,
        encoder=encoder,
        library=str(settings.library),
    )
    for path, reference in zip(args.reference, references, strict=True):
        if args.crop == "face" and reference.crop.is_adjusted:
            print(f"{path}: {describe_crop(reference.crop)}", file=sys.stderr)
    said = check_prompt(args.prompt, encoder, args.reference_from_text)
    if said:
        print(said, file=sys.stderr)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    result = follow(adapt_job(request)).result
    if result is not None:
        files = (result.orbit, *result.people, result.grid, result.before, result.after, result.domain)
        print(*filter(None, files), sep="\n")


def _weight(text: str) -> tuple[str, float]:
    kind, _, value = text.partition("=")
    return kind, float(value)
