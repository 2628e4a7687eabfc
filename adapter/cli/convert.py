"""``python -m adapter convert``: official EG3D pickle in, safetensors out."""

import argparse


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "convert",
        help="convert an official EG3D .pkl to safetensors without running it",
        description="Converts an official EG3D .pkl to a folder with model.safetensors and config.json. "
        "Nothing that the file says is executed.",
    )
    parser.add_argument("source", metavar="IN.pkl", help="the official file")
    parser.add_argument("out", metavar="OUT", help="folder to write")
    parser.add_argument(
        "--focal",
        type=float,
        help="focal length in image widths, which the file does not record (cars 1.7074), default: EG3D's for heads",
    )


def run(args: argparse.Namespace) -> None:
    """Convert, and say where the result is.

    Raises:
        UserError: as `adapter.hub.convert.convert`.
    """
    from adapter.hub.convert import convert  # loads torch

    folder = convert(args.source, args.out, focal=args.focal)
    print(f"Wrote {folder}. Load it with Eg3d.from_pretrained({str(folder)!r}).")
