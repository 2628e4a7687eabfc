"""`python -m adapter.synthetic.styles OUT.png`: draw the contact sheet of all styles."""

import argparse
from pathlib import Path

from adapter.synthetic.styles.sheet import write


def main() -> None:
    """Parse the command line and write the sheet."""
    parser = argparse.ArgumentParser(description="Draw every style for a few people.")
    parser.add_argument("out", type=Path, help="PNG to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=128, help="side of a picture in pixels")
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--columns", type=int, default=5)
    options = parser.parse_args()
    write(options.out, seed=options.seed, size=options.size, people=options.people, columns=options.columns)


if __name__ == "__main__":
    main()
