"""Domains of users on the Hub: push one with a card, list the public ones, fetch one."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, ModelCardData
from huggingface_hub.errors import HfHubHTTPError, HTTPError, RepositoryNotFoundError

from adapter.adaptation.domain import Domain, DomainMetadata
from adapter.errors import UserError
from adapter.hub.download import Progress, Remote, download, explain
from adapter.hub.library import DOMAIN, PREVIEWS, Entry

TAG = "3d-domain-adapter"
FILE, CARD = "domain.safetensors", "README.md"
MAX_DOMAIN_BYTES = 64 << 20
MAX_PREVIEW_BYTES = 5 << 20
TITLE_LENGTH = 80
_LICENCES = ("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "apache-2.0", "mit")
_NAME = re.compile(r"([\w-][\w.-]*/)?[\w-][\w.-]{0,95}")


@dataclass(frozen=True)
class SharedDomain:
    """A public domain on the Hub, as its card describes it; nothing of it is downloaded yet.

    Args:
        name: of the repository, without its owner.
        title: as people read it, at most `TITLE_LENGTH` characters, plain text of a stranger.
        repo_id: OWNER/NAME.
        base: name of the base that it changes, empty where the card does not say.
        licence: as the card says, empty where it does not.
        revision: commit that the list describes.
    """

    name: str
    title: str
    repo_id: str
    base: str
    licence: str
    revision: str


def push_domain(
    path: str | os.PathLike,
    repo_id: str,
    token: str | None,
    *,
    title: str = "",
    private: bool = False,
    preview: str | os.PathLike | None = None,
    remote: Remote | None = None,
) -> str:
    """Put a domain file on the Hub, with a card made from its metadata, in one commit.

    Args:
        path: the domain file; it is checked first.
        repo_id: OWNER/NAME, or NAME for the user's own. It is created, or updated where it holds a domain already;
            a repository of any other content is left alone.
        token: of a login that may write.
        title: as people read it; the repository's name by default.
        private: for a new repository.
        preview: a picture to show in the card.
        remote: the Hub; its token is not used.

    Returns:
        Address of the repository's page.

    Raises:
        UserError: an unusable file, name, picture or login, or the Hub refuses or is away.
    """
    metadata = Domain.load(path).metadata
    remote = remote or Remote()
    if not token:
        raise UserError("Log in to Hugging Face first; then push again.")
    if not _NAME.fullmatch(repo_id) or ".." in repo_id or "--" in repo_id:
        raise UserError("A repository's name has letters, digits, '-', '_' and '.' only, as in my-name/my-domain.")
    picture = None if preview is None else _picture(Path(preview))
    api = HfApi(endpoint=remote.endpoint, token=token)
    try:
        if "/" not in repo_id:
            repo_id = f"{api.whoami()['name']}/{repo_id}"
        title = plain(title) or repo_id.rpartition("/")[2]
        files: dict[str, Path | bytes] = {
            FILE: Path(path),
            CARD: card(title, repo_id, metadata, picture and picture[0]).encode(),
        }
        files |= {picture[0]: picture[1]} if picture else {}
        _make_repository(api, repo_id, private)
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        api.create_commit(repo_id, operations, commit_message=f"Add {title}")
    except (HTTPError, OSError, ValueError) as error:
        raise _refusal(error, repo_id, remote) from error
    return f"{remote.address}/{repo_id}"


def find_domains(tag: str = TAG, limit: int = 24, remote: Remote | None = None) -> list[SharedDomain]:
    """The public domains on the Hub, the newest first.

    Args:
        tag: of the repositories to list.
        limit: the most to return.
        remote: the Hub.

    Raises:
        UserError: the Hub refuses or is away.
    """
    remote = remote or Remote()
    api = HfApi(endpoint=remote.endpoint, token=remote.token)
    try:
        found = list(api.list_models(filter=tag, sort="last_modified", limit=limit, full=True, cardData=True))
    except (HTTPError, OSError, ValueError) as error:
        raise explain(error, "The list of shared domains", "models", remote) from error
    return [_shared(model.id, model.sha, model.card_data) for model in found if not model.private]


def fetch_domain(
    repo_id: str, revision: str | None = None, progress: Progress | None = None, remote: Remote | None = None
) -> Path:
    """Bring a shared domain to this machine and check that it is one.

    Args:
        repo_id: OWNER/NAME.
        revision: commit or branch; the newest by default.
        progress, remote: as in `adapter.hub.download.fetch`.

    Returns:
        The domain file, in the cache.

    Raises:
        UserError: not there, too large, or not a usable domain.
    """
    name = repo_id.rpartition("/")[2]
    entry = Entry(name, repo_id, DOMAIN, licence="", repo=repo_id, file=FILE, revision=revision or "main")
    file = download(entry, progress, remote, max_bytes=MAX_DOMAIN_BYTES)
    Domain.load(file)
    return file


def card(title: str, repo_id: str, metadata: DomainMetadata, preview: str | None = None) -> str:
    """A model card: front matter that `find_domains` reads, and what people should know.

    Args:
        title: plain text.
        repo_id: OWNER/NAME of the repository.
        metadata: of the domain.
        preview: name of a picture in the repository.
    """
    licence = metadata.license.lower()
    terms: dict[str, Any] = {"license": licence}
    if licence not in _LICENCES:
        terms = {"license": "other", "license_name": _slug(licence)}
    front = ModelCardData(
        **terms,
        library_name=TAG,
        tags=[TAG, "3d", "gan", "eg3d", f"base-{_slug(metadata.base)}"],
        title=title,
        base=metadata.base,
        base_fingerprint=metadata.base_fingerprint,
        licence=metadata.license,
    )
    made = {"method": metadata.method, "seed": metadata.seed, "prompt": metadata.prompt}
    made |= {"reference_fingerprint": metadata.reference_fingerprint, "settings": metadata.settings}
    fence = "~" * 8
    lines = [f"# {title}", ""]
    if preview:
        lines += [f"![The same people before and after]({preview})", ""]
    lines += [
        f"A domain of the 3D Domain Adapter: it turns the people of the base **{plain(metadata.base)}** into another",
        "world. The file holds differences to the base's weights, and nothing that can run.",
        "",
        "```python",
        "from adapter import DomainAdapter",
        "",
        f"adapter = DomainAdapter.from_pretrained({metadata.base!r})",
        f"adapter.load_domain({repo_id!r}).video('orbit.mp4')",
        "```",
        "",
        f"- Base: {plain(metadata.base)}, fingerprint `{metadata.base_fingerprint[:16]}`",
        f"- Licence: {plain(metadata.license) or 'not stated'}; it follows the base's",
        f"- Made by: {plain(metadata.created_by)}",
        "",
        "## What made it",
        "",
        f"{fence}json",
        json.dumps(made, indent=2, ensure_ascii=False),
        fence,
        "",
    ]
    return f"---\n{front.to_yaml()}\n---\n\n" + "\n".join(lines)


def plain(text: object) -> str:
    """One line of printable text without markup, at most `TITLE_LENGTH` characters."""
    line = " ".join(str(text).split())
    return "".join(letter for letter in line if letter.isprintable() and letter not in "<>[]`*#|\\")[:TITLE_LENGTH]


def _make_repository(api: HfApi, repo_id: str, private: bool) -> None:
    try:
        api.create_repo(repo_id, private=private)
    except HfHubHTTPError as error:
        if error.response.status_code != 409:
            raise
        if TAG not in (api.model_info(repo_id).tags or []):
            raise UserError(f"{repo_id} exists already and holds something else. Choose another name.") from error


def _picture(path: Path) -> tuple[str, Path]:
    if path.suffix.lower() not in PREVIEWS or not path.is_file() or path.stat().st_size > MAX_PREVIEW_BYTES:
        raise UserError("The preview must be a JPEG, PNG or WebP file of at most 5 MB.")
    return f"preview{path.suffix.lower()}", path


def _shared(repo_id: str, revision: str | None, data: Mapping[str, Any] | ModelCardData | None) -> SharedDomain:
    values = data.to_dict() if isinstance(data, ModelCardData) else dict(data or {})
    title, base, licence = (plain(values.get(key) or "") for key in ("title", "base", "licence"))
    name = repo_id.rpartition("/")[2]
    return SharedDomain(
        name, title or name, repo_id, base, licence or plain(values.get("license") or ""), revision or ""
    )


def _refusal(error: Exception, repo_id: str, remote: Remote) -> UserError:
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if status in (401, 403) or isinstance(error, RepositoryNotFoundError):
        return UserError(
            f"Your login may not write to {repo_id}. Choose a repository of your own, or log in with a token that may."
        )
    return explain(error, "The place for your domain", repo_id, remote)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-") or "unknown"
