"""``adapter library``: lists, fetches, checks and shares bases and domains."""

import argparse
from pathlib import Path

from adapter.cli.progress import ProgressLine
from adapter.errors import UserError
from adapter.hub.library import BASE, Entry, catalog


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "library",
        help="list, fetch, check and share bases and domains",
        description="Without an action, lists the bases and domains of checkpoints/library.yaml.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="list what there is (the default)")
    fetching = actions.add_parser("fetch", help="download one, check it, and convert it where it is a pickle")
    fetching.add_argument("name", help="of a base or a domain")
    actions.add_parser("check", help="load every embedded base and domain, and see that they fit together")
    pushing = actions.add_parser("push", help="put a domain file on the Hub; log in first with: hf auth login")
    pushing.add_argument("file", metavar="DOMAIN.safetensors")
    pushing.add_argument("repo", metavar="OWNER/NAME")
    pushing.add_argument("--title", default="", help="as people read it")
    pushing.add_argument("--preview", metavar="IMAGE", help="picture for the card")
    pushing.add_argument("--private", action="store_true")
    finding = actions.add_parser("find", help="list domains that others have put on the Hub")
    finding.add_argument("--limit", type=int, default=24, help="default: 24")
    getting = actions.add_parser("get", help="download a domain that somebody has put on the Hub")
    getting.add_argument("repo", metavar="OWNER/NAME")
    getting.add_argument("--revision", help="commit or branch, default: the newest")


def run(args: argparse.Namespace) -> None:
    """Carry out one action; results go to stdout, progress to stderr.

    Raises:
        UserError: an unknown name, an unusable file, or a Hub that refuses or is away.
    """
    {"fetch": _fetch, "check": _check, "push": _push, "find": _find, "get": _get}.get(args.action, _list)(args)


def _list(_: argparse.Namespace) -> None:
    library = catalog()
    for title, entries in (("Bases", library.bases), ("Domains", library.domains)):
        print(f"{title}:" if entries else f"{title}: none")
        for entry in entries:
            place = "embedded" if entry.path is not None else f"{entry.repo}/{entry.file}"
            facts = [f"for {entry.base}" if entry.base else "", entry.licence, place, entry.size]
            facts.append("" if entry.verified else "not verified")
            print(f"  {entry.name:24} {entry.title} ({'; '.join(filter(None, facts))})")


def _fetch(args: argparse.Namespace) -> None:
    from adapter.hub.domains import fetch_ready_domain
    from adapter.hub.download import fetch

    line, entry = ProgressLine(), _named(args.name)
    fetching = fetch if entry.kind == BASE else fetch_ready_domain
    path = fetching(entry, lambda share, text: line.show(f"[{100 * share:3.0f} %] {text}"))
    line.clear()
    print(path)


def _check(_: argparse.Namespace) -> None:
    from adapter.adaptation.domain import Domain
    from adapter.hub.bases import load_base

    library = catalog()
    for base in [entry for entry in library.bases if entry.path is not None]:
        generator = load_base(base.name)
        print(f"{base.name}: loads")
        for entry in library.domains_of(base.name):
            if entry.path is None:
                continue
            domain = Domain.load(entry.path)
            domain.apply(generator)
            if domain.metadata.license != entry.licence:
                raise UserError(
                    f"{entry.name}: the file's licence is '{domain.metadata.license}'. Correct the library."
                )
            print(f"{entry.name}: loads and fits {base.name}")


def _push(args: argparse.Namespace) -> None:
    from huggingface_hub import get_token

    from adapter.hub.share import push_domain

    preview = Path(args.preview) if args.preview else None
    print(push_domain(args.file, args.repo, get_token(), title=args.title, private=args.private, preview=preview))


def _find(args: argparse.Namespace) -> None:
    from adapter.hub.share import find_domains

    if args.limit < 1:
        raise UserError("The limit must be at least 1.")
    for found in find_domains(limit=args.limit):
        base, licence = found.base or "an unknown base", found.licence or "no licence"
        print(f"{found.repo_id:40} {found.title} (for {base}; {licence})")


def _get(args: argparse.Namespace) -> None:
    from adapter.hub.share import fetch_domain

    line = ProgressLine()
    path = fetch_domain(args.repo, args.revision, lambda share, text: line.show(f"[{100 * share:3.0f} %] {text}"))
    line.clear()
    print(path)


def _named(name: str) -> Entry:
    entry = catalog().find(name)
    if entry is None:
        raise UserError(f"There is no base or domain called '{name}'. See: adapter library list")
    return entry
