"""The library: which bases and domains there are, embedded and on the Hub, as `checkpoints/library.yaml` says."""

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from adapter.errors import UserError

LIBRARY = Path(__file__).resolve().parents[2] / "checkpoints" / "library.yaml"
BASE, DOMAIN = "base", "domain"
REPO_TYPES = ("model", "space", "dataset")
PREVIEWS = (".jpg", ".jpeg", ".png", ".webp")
MAX_LIBRARY_BYTES = 1 << 20

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_REPO = re.compile(r"[\w.-]+/[\w.-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One base or domain.

    Args:
        name: unique among its kind, as in links and commands.
        title: as people read it.
        kind: "base" or "domain".
        licence: under which its weights may be used.
        base: name of the base that a domain changes; empty for bases.
        path: embedded file or folder; None where it must be downloaded.
        repo, file, revision: on the Hub; empty where it is only embedded.
        repo_type: of the Hub's repository.
        sha256: of the file there, None where nobody has recorded it.
        bytes: of the file there, None where nobody has recorded it.
        verified: whether the file was downloaded and rendered with this program.
        preview: embedded picture, None where there is none.
        alt: what the picture shows, in words.
        note: what to know about it, a sentence or two.
        encoder: name of the CLIP that adaptations of a base use; empty for domains.
    """

    name: str
    title: str
    kind: str
    licence: str
    base: str = ""
    path: Path | None = None
    repo: str = ""
    file: str = ""
    revision: str = "main"
    repo_type: str = "model"
    sha256: str | None = None
    bytes: int | None = None
    verified: bool = False
    preview: Path | None = None
    alt: str = ""
    note: str = ""
    encoder: str = ""


@dataclass(frozen=True)
class Library:
    """All entries, in the order of the file; names are unique among the bases and among the domains."""

    bases: tuple[Entry, ...]
    domains: tuple[Entry, ...]

    def base(self, name: str) -> Entry:
        """The base of that name.

        Raises:
            UserError: there is none.
        """
        return _find(self.bases, BASE, name)

    def domain(self, name: str) -> Entry:
        """The domain of that name.

        Raises:
            UserError: there is none.
        """
        return _find(self.domains, DOMAIN, name)

    def domains_of(self, base: str) -> tuple[Entry, ...]:
        """The domains that change this base."""
        return tuple(entry for entry in self.domains if entry.base == base)


def load_library(path: str | os.PathLike = LIBRARY) -> Library:
    """Read and check a library file.

    Args:
        path: YAML with the lists ``bases`` and ``domains``; paths and previews in it are relative to its folder.

    Raises:
        UserError: unreadable, not such YAML, or an entry that says something unusable, with the entry's name.
    """
    path = Path(path)
    values = _read(path)
    unknown = set(values) - {"bases", "domains"}
    if unknown:
        raise UserError(f"{path.name} has the unknown section '{min(map(str, unknown))}'. Use bases and domains.")
    bases = _entries(path, values.get("bases"), BASE)
    domains = _entries(path, values.get("domains"), DOMAIN)
    names = {entry.name for entry in bases}
    for entry in domains:
        if entry.base not in names:
            raise UserError(
                f"{path.name}: the domain '{entry.name}' needs the base '{entry.base}', which is not listed."
            )
    return Library(bases, domains)


catalog = functools.cache(load_library)
"""`load_library`, read once for each file."""


def _read(path: Path) -> dict:
    try:
        if path.stat().st_size > MAX_LIBRARY_BYTES:
            raise UserError(f"{path.name} is too large for a library file. Check that it is the right file.")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path.name} cannot be read. Check that it is there and that it is text.") from error
    except (yaml.YAMLError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise UserError(f"{path.name} is not valid YAML{line}. Correct it and try again.") from error
    if not isinstance(values, dict):
        raise UserError(f"{path.name} must hold the lists bases and domains.")
    return values


def _entries(path: Path, values: Any, kind: str) -> tuple[Entry, ...]:
    if values is None:
        return ()
    if not isinstance(values, list):
        raise UserError(f"{path.name}: {kind}s must be a list.")
    entries = tuple(_entry(path, value, kind) for value in values)
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path.name} lists the {kind} '{name}' twice. Give each an own name.")
    return entries


def _entry(path: Path, values: Any, kind: str) -> Entry:
    if not isinstance(values, dict) or not _NAME.fullmatch(str(values.get("name", ""))):
        raise UserError(f"{path.name}: every {kind} needs a name of small letters, digits and hyphens.")
    source = f"{path.name}: the {kind} '{values['name']}'"
    allowed: dict[str, type] = {
        "title": str,
        "licence": str,
        "repo": str,
        "file": str,
        "revision": str,
        "repo_type": str,
    }
    allowed |= {"sha256": str, "bytes": int, "verified": bool, "alt": str, "note": str, "path": str, "preview": str}
    allowed |= {"name": str, **({"encoder": str} if kind == BASE else {"base": str})}
    for key, value in values.items():
        if key not in allowed:
            raise UserError(f"{source} has the unknown setting '{key}'. Use {', '.join(sorted(allowed))}.")
        if not isinstance(value, allowed[key]) or (isinstance(value, bool) and allowed[key] is int):
            raise UserError(f"{source}: {key} must be {_kind(allowed[key])}, not {value!r}.")
    required = ["title", "licence", "encoder" if kind == BASE else "base"]
    for key in required:
        if not values.get(key):
            raise UserError(f"{source} needs {key}.")
    _check_remote(source, values)
    embedded = {key: _inside(source, path.parent, values[key]) for key in ("path", "preview") if key in values}
    if "preview" in embedded and embedded["preview"].suffix.lower() not in PREVIEWS:
        raise UserError(f"{source}: preview must be a picture ({', '.join(PREVIEWS)}).")
    return Entry(**{**values, **embedded, "kind": kind})


def _check_remote(source: str, values: Mapping[str, Any]) -> None:
    if ("repo" in values) != ("file" in values):
        raise UserError(f"{source} needs both repo and file, or neither.")
    if "repo" not in values and "path" not in values:
        raise UserError(f"{source} needs a path beside the library, or a repo and a file on the Hub.")
    if "repo" in values:
        if not _REPO.fullmatch(values["repo"]):
            raise UserError(f"{source}: repo must be OWNER/NAME, not '{values['repo']}'.")
        file = PurePosixPath(values["file"])
        if not file.name or file.is_absolute() or ".." in file.parts:
            raise UserError(f"{source}: file must be a path inside the repo.")
    if values.get("repo_type", "model") not in REPO_TYPES:
        raise UserError(f"{source}: repo_type must be one of {', '.join(REPO_TYPES)}.")
    if "sha256" in values and not _SHA256.fullmatch(values["sha256"]):
        raise UserError(f"{source}: sha256 must be 64 hexadecimal digits.")
    if values.get("bytes", 1) < 1:
        raise UserError(f"{source}: bytes must be above zero.")


def _inside(source: str, folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if folder.resolve() not in path.parents:
        raise UserError(f"{source}: {name} must lie beside the library file.")
    if not path.exists():
        raise UserError(f"{source}: {name} does not exist.")
    return path


def _find(entries: tuple[Entry, ...], kind: str, name: str) -> Entry:
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in entries) or "none yet"
    raise UserError(f"There is no {kind} called '{name}'. There are: {known}.")


def _kind(kind: type) -> str:
    return {str: "text", int: "a whole number", bool: "true or false"}[kind]
