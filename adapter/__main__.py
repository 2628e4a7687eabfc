"""``adapter COMMAND`` or ``python -m adapter COMMAND``; every command is a module of `adapter.cli`."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from adapter import __doc__ as description
from adapter.cli import COMMANDS
from adapter.errors import UserError
from adapter.service.failures import known
from adapter.utils.environment import prepare

USER_ERROR, INTERRUPTED = 2, 130


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the commands: a module's ``add_parser`` declares one, its ``run`` runs it.

    Args:
        only: the command to import; all where there is no such command, as help and wrong names need them.
    """
    parser = argparse.ArgumentParser(prog="adapter", description=description)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in [only] if only in COMMANDS else COMMANDS:
        command = importlib.import_module(f"adapter.cli.{name}")
        command.add_parser(subparsers)
        subparsers.choices[name].set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0, 2 after an error that the user can correct, 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    prepare()
    try:
        args = build_parser(next(iter(arguments), None)).parse_args(arguments)
        args.run(args)
        sys.stdout.flush()
    except UserError as error:
        print(error, file=sys.stderr)
        return USER_ERROR
    except BrokenPipeError:
        # The reader, such as `head`, is gone; Python would fail again when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        cause = f"{error.filename or 'A file'}: {error.strerror}" if error.strerror else str(error)
        print(f"{cause}. Check the path and the disk.", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        sentence = known(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return USER_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
