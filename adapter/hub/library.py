"""The library: which bases and domains there are, embedded and on the Hub, as `checkpoints/library.yaml` says."""

import functools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

import pydantic
import yaml
from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from adapter.errors import UserError
from adapter.utils.paths import CHECKPOINTS
from adapter.utils.validation import sentence

LIBRARY = CHECKPOINTS / "library.yaml"
BASE, DOMAIN = "base", "domain"
PREVIEWS = (".jpg", ".jpeg", ".png", ".webp")
PICKLE = ".pkl"
MAX_LIBRARY_BYTES = 1 << 20


def _like(pattern: str, words: str) -> AfterValidator:
    """Checks that a text has a form, which a message tells in words."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {words}")
        return text

    return AfterValidator(check)


_Text = Annotated[str, _like("(?s).+", "some text")]


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
        about_bytes: of files like it, where nobody has recorded its own; for people.
        verified: whether the file was downloaded and rendered with this program.
        preview: embedded picture, None where there is none.
        alt: what the picture shows, in words.
        note: what to know about it, a sentence or two.
        encoder: name of the CLIP that adaptations of a base use; empty for domains.
        same_as: the base that this one is another source of; empty where it is one of its own.
        raw_resolution: side in pixels that a base's volume is rendered at; None for what its file says.
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
    about_bytes: int | None = None
    verified: bool = False
    preview: Path | None = None
    alt: str = ""
    note: str = ""
    encoder: str = ""
    same_as: str = ""
    raw_resolution: int | None = None

    @property
    def is_whole_generator(self) -> bool:
        """Whether a domain comes as an official pickle of a generator of its base's family."""
        return self.kind == DOMAIN and self.path is None and self.file.endswith(PICKLE)

    @property
    def size(self) -> str:
        """How much must be downloaded, for people; empty where it is embedded or nobody knows."""
        known = self.bytes or self.about_bytes
        if self.path is not None or not known:
            return ""
        return f"{'' if self.bytes else 'about '}{round(known / 1e6)} MB"


@dataclass(frozen=True)
class Library:
    """All entries, in the order of the file; names are unique among the bases and among the domains."""

    bases: tuple[Entry, ...]
    domains: tuple[Entry, ...]

    def find(self, name: str, kind: str = "") -> Entry | None:
        """The entry of that name, of one kind or of any; None where there is none."""
        entries = {BASE: self.bases, DOMAIN: self.domains}.get(kind, (*self.bases, *self.domains))
        return next((entry for entry in entries if entry.name == name), None)

    def base(self, name: str) -> Entry:
        """The base of that name.

        Raises:
            UserError: there is none.
        """
        return self.find(name, BASE) or _missing(BASE, name, self.bases)

    def domain(self, name: str) -> Entry:
        """The domain of that name.

        Raises:
            UserError: there is none.
        """
        return self.find(name, DOMAIN) or _missing(DOMAIN, name, self.domains)

    def domains_of(self, base: str) -> tuple[Entry, ...]:
        """The domains that change this base, wherever it comes from."""
        entry = self.find(base, BASE)
        family = {base, entry.same_as} if entry else {base}
        return tuple(entry for entry in self.domains if entry.base in family)


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
    library = Library(*(_entries(path, values.get(f"{kind}s"), kind) for kind in (BASE, DOMAIN)))
    for entry in (*library.bases, *library.domains):
        wanted = entry.base or entry.same_as
        if wanted and library.find(wanted, BASE) is None:
            raise UserError(
                f"{path.name}: the {entry.kind} '{entry.name}' needs the base '{wanted}', which is not listed."
            )
    return library


catalog = functools.cache(load_library)
"""`load_library`, read once for each file."""


@pydantic.dataclasses.dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class _Listed(Entry):
    """An entry as the file must have it."""

    name: Annotated[str, _like(r"[a-z0-9]+(-[a-z0-9]+)*", "of small letters, digits and hyphens")]
    title: _Text
    kind: Literal["base", "domain"]
    licence: _Text
    repo: Annotated[str, _like(r"[\w.-]+/[\w.-]+", "OWNER/NAME")] = ""
    repo_type: Literal["model", "space", "dataset"] = "model"
    sha256: Annotated[str, _like("[0-9a-f]{64}", "64 hexadecimal digits")] | None = None
    bytes: Annotated[int, Field(gt=0)] | None = None
    about_bytes: Annotated[int, Field(gt=0)] | None = None
    raw_resolution: Annotated[int, Field(ge=8, le=512)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == BASE and (self.base or not self.encoder):
            raise UserError("needs encoder, and no base.")
        if self.kind == DOMAIN and (self.encoder or self.same_as or not self.base):
            raise UserError("needs base, and neither encoder nor same_as.")
        if bool(self.repo) != bool(self.file):
            raise UserError("needs both repo and file, or neither.")
        if not self.repo and self.path is None:
            raise UserError("needs a path beside the library, or a repo and a file on the Hub.")
        file = PurePosixPath(self.file)
        if file.is_absolute() or ".." in file.parts:
            raise UserError("needs as its file a path inside the repo.")
        if self.preview is not None and self.preview.suffix.lower() not in PREVIEWS:
            raise UserError(f"needs as its preview a picture ({', '.join(PREVIEWS)}).")
        return self


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
    if not isinstance(values, dict) or not isinstance(values.get("name"), str):
        raise UserError(f"{path.name}: every {kind} needs a name of small letters, digits and hyphens.")
    what = f"the {kind} '{values['name']}'"
    try:
        embedded = {key: _inside(path.parent, str(values[key])) for key in ("path", "preview") if key in values}
        listed = _Listed(**{**{str(key): value for key, value in values.items()}, **embedded, "kind": kind})
    except ValidationError as error:
        raise UserError(f"{path.name}: {sentence(error, what)}") from error
    except UserError as error:
        raise UserError(f"{path.name}: {what} {error}") from error
    return Entry(**vars(listed))


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if folder.resolve() not in path.parents:
        raise UserError(f"names {name}, which must lie beside the library file.")
    if not path.exists():
        raise UserError(f"names {name}, which does not exist.")
    return path


def _missing(kind: str, name: str, entries: Sequence[Entry]) -> Entry:
    known = ", ".join(entry.name for entry in entries) or "none yet"
    raise UserError(f"There is no {kind} called '{name}'. There are: {known}.")
