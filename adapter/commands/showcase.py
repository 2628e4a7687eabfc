"""`python -m adapter showcase`: make the README's picture and animation."""

import argparse
import sys
from pathlib import Path

EXAMPLES = Path("examples")
REFERENCES = ("bronze.jpg", "zombie.jpg", "mona-lisa.jpg", "toon.jpg", "jade.jpg", "neon.jpg")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = subparsers.add_parser("showcase", help="make the README's picture and animation")
    parser.add_argument("references", nargs="*", type=Path, default=[EXAMPLES / name for name in REFERENCES])
    parser.add_argument("--out", type=Path, default=EXAMPLES, help="folder of the two files")
    parser.add_argument("--preset", default="full", help="preset of 3d-adapter")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from adapter.service.showcase import showcase

    for line in showcase(args.references, args.out, args.preset, args.seed):
        print(line, file=sys.stderr, flush=True)
