"""Files from the Hub: fetched with progress, checked, and turned into sentences where that fails.

huggingface_hub does the transfer: it resumes after a cut, keeps a cache that is never half-written, and works offline
where the file is there already. Ours are the hash, the disk, the conversion of official pickles, and the words.
"""

import errno
import hashlib
import io
import re
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session
from tqdm import tqdm

from adapter.errors import UserError
from adapter.hub.library import BASE, Entry

Progress = Callable[[float, str], None]

CONFIG = "config.json"
SPARE_BYTES = 256 << 20
REACH_SECONDS = 5.0
_DOWNLOAD_SHARE = 0.7
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Remote:
    """Which Hub to ask, as whom, and where to keep what it sends.

    Args:
        endpoint: address of the Hub, None for huggingface_hub's own setting (``HF_ENDPOINT``).
        cache: folder, None for huggingface_hub's own setting (``HF_HOME``).
        token: of the user; None for the one that is logged in on this machine, False for nobody.
    """

    endpoint: str | None = None
    cache: Path | None = None
    token: str | bool | None = field(default=None, repr=False)

    @property
    def downloads(self) -> Path:
        """Folder of huggingface_hub's cache."""
        return Path(constants.HF_HUB_CACHE) if self.cache is None else self.cache

    @property
    def converted(self) -> Path:
        """Folder of converted bases, beside the downloads."""
        return self.downloads.parent / "3d-domain-adapter"

    @property
    def address(self) -> str:
        """Address of the Hub, without a slash at the end."""
        return (self.endpoint or constants.ENDPOINT).rstrip("/")


def fetch(entry: Entry, progress: Progress | None = None, remote: Remote | None = None) -> Path:
    """The weights of an entry of the library, ready to be loaded.

    An embedded one is used where it is. A pickled base is converted once; after that, no network is needed.

    Args:
        entry: what is wanted.
        progress: is told the share done, 0 to 1, and what is being done; what it raises ends the work.
        remote: Hub and cache, the usual ones by default.

    Returns:
        A domain's ``.safetensors`` file, or a base's folder for `Eg3d.from_pretrained`.

    Raises:
        UserError: it cannot be had, or it is not what the library says; with a sentence on what to do.
    """
    if entry.path is not None:
        return entry.path
    remote, report = remote or Remote(), progress or _silent
    if entry.kind != BASE:
        return download(entry, report, remote)
    if not entry.file.endswith(".pkl"):
        download(_config_of(entry), None, remote)
        return download(entry, report, remote).parent
    folder = ready(entry, remote)
    if folder is None:
        file = download(entry, lambda share, text: report(_DOWNLOAD_SHARE * share, text), remote)
        folder = _convert(file, _folder(entry, file, remote), report)
    report(1.0, "Ready")
    return folder


def ready(entry: Entry, remote: Remote | None = None) -> Path | None:
    """What `fetch` would give without asking the Hub: embedded, or fetched and converted before; else None."""
    if entry.path is not None:
        return entry.path
    remote = remote or Remote()
    file = _cached(entry, remote)
    if entry.kind != BASE or (file is None and entry.sha256 is None):
        return file
    if not entry.file.endswith(".pkl"):
        return None if file is None or _cached(_config_of(entry), remote) is None else file.parent
    folder = _folder(entry, file, remote)
    return folder if (folder / CONFIG).is_file() else None


def download(
    entry: Entry, progress: Progress | None = None, remote: Remote | None = None, *, max_bytes: int | None = None
) -> Path:
    """Bring one file of the Hub into the cache and check its hash.

    Args:
        entry: names the repository, the file, the revision and, where known, the hash. Where the revision is a commit
            or the hash is known, a cached file is used without asking the Hub; else it is used where the Hub is away.
        progress, remote: as in `fetch`.
        max_bytes: refuse larger files before anything is transferred.

    Raises:
        UserError: as `fetch`.
    """
    remote, report = remote or Remote(), progress or _silent
    fixed = entry.sha256 is not None or _COMMIT.fullmatch(entry.revision) is not None
    file = _cached(entry, remote)
    if file is None or not fixed:
        file = _transfer(entry, report, remote, max_bytes, file)
    if max_bytes is not None and file.stat().st_size > max_bytes:
        raise _too_large(entry, file.stat().st_size, max_bytes)
    if entry.sha256 is not None and _sha256(file) != entry.sha256:
        _forget(file)
        raise UserError(
            f"The file of {entry.title} on the Hub is not the one that this program knows (its SHA-256 differs). "
            "It was thrown away. Try again later, or use an embedded one."
        )
    return file


def reachable(remote: Remote | None = None, seconds: float = REACH_SECONDS) -> bool:
    """Whether anything answers at the Hub's address within some seconds."""
    if constants.is_offline_mode():
        return False
    try:
        get_session().head((remote or Remote()).address, timeout=seconds)
    except (HTTPError, OSError):
        return False
    return True


def explain(error: Exception, title: str, repo: str, remote: Remote | None = None) -> UserError:
    """What a failed request to the Hub means for the user.

    Args:
        error: what huggingface_hub raised.
        title: of the thing that was wanted.
        repo: its repository.
        remote: the Hub that was asked.
    """
    where = f"{(remote or Remote()).address}/{repo}"
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if isinstance(error, GatedRepoError):
        text = f"{title} is gated: its owner decides who may have it. Ask for access at {where}, log in, and try again."
    elif isinstance(error, RemoteEntryNotFoundError):
        text = f"{title} is not in {where} any more. Choose another one, or an embedded one."
    elif isinstance(error, RevisionNotFoundError):
        text = f"The version of {title} that was asked for is not at {where}. Choose another one, or an embedded one."
    elif isinstance(error, RepositoryNotFoundError) or status == 404:
        text = f"{title} was not found: {where} does not exist or is private. Check the name, or log in."
    elif status in (401, 403):
        text = f"The Hub does not allow this for {where}. Log in with a token that may, and try again."
    elif status == 429:
        text = "The Hub has had too many requests from here. Wait some minutes and try again."
    elif status >= 500:
        text = f"The Hub has a fault at the moment (it answered {status}). Try again in some minutes."
    elif isinstance(error, HFValidationError):
        text = f"There is no repository named '{repo[:80]}'. Write its name as OWNER/NAME."
    elif isinstance(error, OfflineModeIsEnabled) or constants.is_offline_mode():
        text = f"{title} is not on this machine, and the Hub is switched off by HF_HUB_OFFLINE. Use an embedded one."
    elif getattr(error, "errno", None) in _FULL:
        text = f"The disk is too full for {title}. Free some space, or set HF_HOME to a folder on another disk."
    elif isinstance(error, HTTPError | LocalEntryNotFoundError):
        text = f"{title} cannot be fetched: the Hub does not answer. Check the connection and try again."
    else:
        text = f"The download of {title} broke off or could not be stored. Try again."
    return UserError(text)


def _transfer(entry: Entry, report: Progress, remote: Remote, max_bytes: int | None, cached: Path | None) -> Path:
    report(0.0, f"Asking the Hub for {entry.title}")
    if not reachable(remote):  # huggingface_hub would go on asking for half a minute
        if cached is not None:
            return cached
        raise explain(LocalEntryNotFoundError("nobody answers"), entry.title, entry.repo, remote)
    options: dict[str, Any] = {
        "repo_id": entry.repo,
        "filename": entry.file,
        "repo_type": entry.repo_type,
        "revision": entry.revision,
        "cache_dir": remote.downloads,
        "endpoint": remote.endpoint,
        "token": remote.token,
    }
    try:
        offered = hf_hub_download(**options, dry_run=True)
        if offered.will_download:
            size = offered.file_size or entry.bytes or 0
            if max_bytes is not None and size > max_bytes:
                raise _too_large(entry, size, max_bytes)
            _check_disk(entry, size, remote.downloads)
        return Path(hf_hub_download(**options, tqdm_class=_bar(entry.title, report)))
    except (HTTPError, OSError, ValueError) as error:
        raise explain(error, entry.title, entry.repo, remote) from error


def _cached(entry: Entry, remote: Remote) -> Path | None:
    try:
        found = try_to_load_from_cache(
            entry.repo, entry.file, cache_dir=remote.downloads, revision=entry.revision, repo_type=entry.repo_type
        )
    except ValueError as error:
        raise explain(error, entry.title, entry.repo, remote) from error
    return Path(found) if isinstance(found, str) else None


def _config_of(entry: Entry) -> Entry:
    """The settings beside a base's weights."""
    return replace(entry, file=str(PurePosixPath(entry.file).with_name(CONFIG)), sha256=None, bytes=None)


def _folder(entry: Entry, file: Path | None, remote: Remote) -> Path:
    """Where the converted base lies: named after the content, which for files in the cache is the blob's name."""
    assert entry.sha256 or file  # an embedded base has no file, and is never converted
    content = entry.sha256 or (file.resolve().name if file else "")
    return remote.converted / f"{entry.name}-{content[:16]}"


def _convert(file: Path, folder: Path, report: Progress) -> Path:
    from adapter.hub.convert import convert  # loads torch

    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(6)}")
    try:
        convert(file, unfinished, lambda share, text: report(_DOWNLOAD_SHARE + (1 - _DOWNLOAD_SHARE) * share, text))
        if not (folder / CONFIG).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
    except OSError as error:
        if not (folder / CONFIG).is_file():  # else another process was faster
            raise UserError(f"{folder.parent} cannot be written. Set HF_HOME to a folder that can.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _check_disk(entry: Entry, size: int, folder: Path) -> None:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < size + SPARE_BYTES:
        raise UserError(
            f"{entry.title} needs {_megabytes(size + SPARE_BYTES)} of disk, and {there} has {_megabytes(free)} left. "
            "Free some space, or set HF_HOME to a folder on another disk."
        )


def _too_large(entry: Entry, size: int, limit: int) -> UserError:
    return UserError(
        f"{entry.title} has {_megabytes(size)}, and at most {_megabytes(limit)} are accepted here. Choose another one."
    )


def _forget(file: Path) -> None:
    """Remove a file from huggingface_hub's cache: the link and what it points to."""
    blob = file.resolve()
    file.unlink(missing_ok=True)
    blob.unlink(missing_ok=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"


def _silent(share: float, text: str) -> None:
    """Tell nobody."""


def _bar(title: str, report: Progress) -> type[tqdm]:
    """A progress bar for huggingface_hub that reports to a function and shows nothing."""

    class Bar(tqdm):
        monitor_interval = 0

        def __init__(self, *args: object, **options: object) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "file": io.StringIO(), "gui": False})

        def update(self, n: float | None = 1) -> bool | None:
            drawn = super().update(n)
            if self.total:
                done = f"{_megabytes(self.n)} of {_megabytes(self.total)}"
                report(min(1.0, self.n / self.total), f"Downloading {title}: {done}")
            return drawn

        def update_transfer(self, n: float) -> None:
            """Ignore bytes on the line: only those that arrived in the file count."""

        def set_transfer_postfix_str(self, *_: object, **__: object) -> None:
            """Ignore the speed."""

    return Bar
