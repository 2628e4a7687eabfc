"""Which person in which world: arguments that several commands share."""

import argparse
from pathlib import Path
from typing import Any

from adapter.errors import UserError
from adapter.hub.library import DOMAIN, catalog
from adapter.methods.offers import TRUNCATION_PSI
from adapter.service import library
from adapter.service.settings import Settings


def add_world(parser: argparse.ArgumentParser) -> None:
    """Declare domains, their strengths, edits and the base."""
    add = parser.add_argument
    add("--domain", action="append", default=[], metavar="DOMAIN", help="a file, or a ready one's name; repeatable")
    add("--strength", type=float, action="append", default=[], help="of each domain, default: 1")
    add("--set", type=_amount, action="append", default=[], metavar="EDIT=AMOUNT", help="as smile=1.5; repeatable")
    add("--base", help="a name, a folder or a Hub id, default: that of the domain, or the variable BASE")


def add_people(parser: argparse.ArgumentParser, people: str) -> None:
    """Declare who is drawn.

    Args:
        people: what the seed chooses, in words.
    """
    add = parser.add_argument
    add("--seed", type=int, default=0, help=f"of {people}, default: %(default)s")
    add("--truncation", type=float, default=TRUNCATION_PSI, help="psi of who is drawn, default: %(default)s")
    add("--person", default="", metavar="FILE", help="a person's file that `adapter invert` or the tab You made")


def world_of(args: argparse.Namespace) -> dict[str, Any]:
    """Domains, edits, base and library of a command line, as arguments of a request.

    Raises:
        UserError: no such domain, or another number of strengths than of domains.
    """
    settings = Settings.from_environment()
    if len(args.strength) > len(args.domain):
        raise UserError("Give --strength once for each --domain.")
    strengths = args.strength + [1.0] * (len(args.domain) - len(args.strength))
    base = args.base or (_base_of(args.domain[0], settings) if args.domain else "") or settings.base
    known = settings.model_copy(update={"base": base})
    files = [
        name if Path(name).is_file() else str(library.local(library.find(name, known), known)) for name in args.domain
    ]
    mix = tuple(zip(files, strengths, strict=True))
    return {"mix": mix, "edits": dict(args.set), "base": base, "library": str(settings.library)}


def people_of(args: argparse.Namespace) -> dict[str, Any]:
    """Who is drawn by a command line, as arguments of a request."""
    return {"person": args.person, "seed": args.seed, "truncation": args.truncation}


def _base_of(domain: str, settings: Settings) -> str:
    """The base that a domain's file or entry names; empty where there is neither."""
    if Path(domain).is_file():
        from adapter.adaptation import Domain

        return Domain.load(domain).metadata.base
    entry = catalog(settings.library).find(domain, DOMAIN)
    return "" if entry is None else entry.base


def _amount(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise UserError(f"--set takes EDIT=AMOUNT, such as smile=1.5, and not {text!r}.") from error
