"""Commands of the synthetic heads: `python -m adapter.synthetic.heads COMMAND`."""

import argparse
import sys
from pathlib import Path

from adapter.errors import UserError
from adapter.synthetic.heads import dataset, measure, sheet


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adapter.synthetic.heads")
    commands = parser.add_subparsers(dest="command", required=True)

    command = commands.add_parser("dataset", help="render a training or validation set")
    command.add_argument("out", type=Path)
    command.add_argument("--identities", type=int, required=True)
    command.add_argument("--views", type=int, default=3)
    command.add_argument("--size", type=int, default=128)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--workers", type=int, default=2)
    command.add_argument("--even", action="store_true", help="spread the views evenly, for validation")

    command = commands.add_parser("sheet", help="contact sheets: OUT-people.png and OUT-attributes.png")
    command.add_argument("out", type=Path)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--size", type=int, default=160)

    command = commands.add_parser("benchmark", help="images per second")
    command.add_argument("--size", type=int, default=128)
    command.add_argument("--threads", type=int, default=None)

    command = commands.add_parser("bounds", help="the space that random heads fill")
    command.add_argument("--identities", type=int, default=200)

    options = parser.parse_args(arguments)
    try:
        if options.command == "dataset":
            dataset.write(
                options.out,
                options.identities,
                options.views,
                options.size,
                options.seed,
                options.workers,
                options.even,
                lambda line: print(line, flush=True),
            )
        elif options.command == "sheet":
            for path in sheet.write(options.out, options.seed, options.size):
                print(path)
        elif options.command == "benchmark":
            rate = measure.speed(options.size, threads=options.threads)
            print(f"{rate:.1f} images/s at {options.size} px, {measure.VIEWS} views of each identity")
        else:
            for name, value in measure.bounds(options.identities).items():
                print(name, value)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
