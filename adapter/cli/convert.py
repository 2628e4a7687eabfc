"""``adapter convert``: official EG3D pickle in, safetensors out, as a base or as a domain of one."""

import argparse

from adapter.errors import UserError
from adapter.hub.library import catalog


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "convert",
        help="convert an official EG3D .pkl to safetensors without running it",
        description="Converts an official EG3D .pkl to a folder with model.safetensors and config.json. "
        "With --base, a generator that was trained from a base becomes a domain of this base. "
        "Nothing that the file says is executed.",
    )
    parser.add_argument("source", metavar="IN.pkl", help="the official file")
    parser.add_argument("out", metavar="OUT", help="folder to write; with --base, the file NAME.safetensors")
    parser.add_argument(
        "--base", help="make a domain of this base: a name of the library, a folder, or OWNER/NAME on the Hub"
    )
    parser.add_argument("--license", default="", help="of the domain, default: the base's")
    parser.add_argument(
        "--focal",
        type=float,
        help="focal length in image widths, which the file does not record (cars 1.7074), default: EG3D's for heads",
    )
    parser.add_argument(
        "--raw-resolution",
        type=int,
        help="side in pixels that the volume is rendered at, default: the file's own, which for snapshots from the "
        "middle of a training is too small. A domain is rendered as its base",
    )


def run(args: argparse.Namespace) -> None:
    """Convert, and say where the result is.

    Raises:
        UserError: as `adapter.hub.convert`.
    """
    from adapter.hub.convert import convert, convert_domain  # load torch

    if args.base is None:
        folder = convert(args.source, args.out, focal=args.focal, raw_resolution=args.raw_resolution)
        print(f"Wrote {folder}. Load it with Eg3d.from_pretrained({str(folder)!r}).")
        return
    if args.focal is not None or args.raw_resolution is not None:
        raise UserError("A domain has the focal length and the resolution of its base. Leave these options out.")
    from adapter.hub.bases import load_base

    entry = catalog().find(args.base)
    license = args.license or (entry.licence if entry else "")
    file = convert_domain(args.source, load_base(args.base), args.out, base_name=args.base, license=license)
    print(f"Wrote {file}, a domain of {args.base}.")
