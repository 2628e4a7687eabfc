"""``python -m adapter COMMAND``: every module of `adapter.cli` is one command."""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from adapter import __doc__ as description
from adapter import cli
from adapter.errors import UserError

USER_ERROR, INTERRUPTED = 2, 130


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the commands: a module's ``add_parser`` declares one, its ``run`` carries it out.

    Args:
        only: the module of the one command that is wanted, so that no other is imported; all where there is no such
            module, as help and wrong names need them.
    """
    parser = argparse.ArgumentParser(prog="python -m adapter", description=description)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    names = sorted(module.name for module in pkgutil.iter_modules(cli.__path__))
    for module in [only] if only in names else names:
        command = importlib.import_module(f"{cli.__name__}.{module}")
        before = set(subparsers.choices)
        command.add_parser(subparsers)
        for name in set(subparsers.choices) - before:
            subparsers.choices[name].set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command.

    Returns:
        The exit code: 0, 2 where the user can put something right, 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        args = build_parser(next(iter(arguments), None)).parse_args(arguments)
        args.run(args)
    except UserError as error:
        print(error, file=sys.stderr)
        return USER_ERROR
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror or error}. Check the path and the disk.", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
