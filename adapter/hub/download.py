"""Files from the Hub: fetched with progress, checked, and turned into sentences where that fails.

huggingface_hub does the transfer: it resumes after a cut, keeps a cache that is never half-written, and works offline
where the file is there already. Ours are the hash, the disk, the conversion of official pickles, and the words.
"""

import contextlib
import hashlib
import io
import re
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import get_session
from tqdm import tqdm

from adapter.errors import UserError
from adapter.hub.failures import explain
from adapter.hub.library import BASE, PICKLE, Entry
from adapter.hub.remote import Remote

Progress = Callable[[float, str], None]

CONFIG, WEIGHTS = "config.json", "model.safetensors"
DOWNLOAD_SHARE = 0.7
"""Of the whole progress, for what is converted after the download."""
SPARE_BYTES = 256 << 20
REACH_SECONDS = 5.0
_ABANDONED_SECONDS = 3600.0
"""An unfinished file that nothing was added to for that long belongs to a process that was killed."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch(entry: Entry, progress: Progress | None = None, remote: Remote | None = None) -> Path:
    """The weights of an entry of the library, ready to be loaded.

    An embedded one is used where it is. A pickled base is converted once; after that, no network is needed. For domains
    that are whole generators see `adapter.hub.domains`.

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
    if not entry.file.endswith(PICKLE):
        download(_config_of(entry), None, remote)
        return download(entry, report, remote).parent
    folder = ready(entry, remote)
    if folder is None:
        file = download(entry, lambda share, text: report(DOWNLOAD_SHARE * share, text), remote)
        folder = _convert(entry, file, _folder(entry, file, remote), report)
    report(1.0, "Ready")
    return folder


def ready(entry: Entry, remote: Remote | None = None) -> Path | None:
    """What `fetch` would give without asking the Hub: embedded, or fetched and converted before; else None."""
    if entry.path is not None:
        return entry.path
    remote = remote or Remote()
    file = cached(entry, remote)
    if entry.kind != BASE or (file is None and entry.sha256 is None):
        return file
    if not entry.file.endswith(PICKLE):
        return None if file is None or cached(_config_of(entry), remote) is None else file.parent
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
    file = cached(entry, remote)
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
            _remove_abandoned(entry, remote)
            _check_disk(entry, size, remote.downloads)
        return Path(hf_hub_download(**options, tqdm_class=_bar(entry.title, report)))
    except (HTTPError, OSError, ValueError) as error:
        raise explain(error, entry.title, entry.repo, remote) from error


def cached(entry: Entry, remote: Remote) -> Path | None:
    """The downloaded file of an entry, whole, without asking the Hub; None where it is not there."""
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


def content_of(entry: Entry, file: Path | None) -> str:
    """A short name of what an entry's weights are: of the file on the Hub, else of the embedded file.

    In huggingface_hub's cache, a blob's name is the hash of its content.
    """
    if entry.path is not None:
        weights = entry.path / WEIGHTS if entry.path.is_dir() else entry.path
        return _sha256(weights)[:16]
    assert entry.sha256 or file  # one of them is known wherever this is asked
    return (entry.sha256 or (file.resolve().name if file else ""))[:16]


def unwritable(title: str, folder: Path, error: OSError) -> UserError:
    """What it means that a converted file cannot be stored."""
    reason = (error.strerror or "it is not a usable folder").lower()
    return UserError(
        f"{title} cannot be stored in {folder}: {reason}. Free some space, or set HF_HOME to a folder on another disk."
    )


def _folder(entry: Entry, file: Path | None, remote: Remote) -> Path:
    """Where the converted base lies: named after its content."""
    return remote.converted / f"{entry.name}-{content_of(entry, file)}"


def _convert(entry: Entry, file: Path, folder: Path, report: Progress) -> Path:
    from adapter.hub.convert import convert  # loads torch

    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(6)}")
    try:
        convert(file, unfinished, after_download(report), raw_resolution=entry.raw_resolution)
        if not (folder / CONFIG).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            raise unwritable(entry.title, folder.parent, error.__cause__) from error
        raise
    except OSError as error:
        if not (folder / CONFIG).is_file():  # else another process was faster
            raise unwritable(entry.title, folder.parent, error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def after_download(report: Progress) -> Progress:
    """Reports what follows a download."""
    return lambda share, text: report(DOWNLOAD_SHARE + (1 - DOWNLOAD_SHARE) * share, text)


def _remove_abandoned(entry: Entry, remote: Remote) -> None:
    """Remove what killed downloads of a repository left: huggingface_hub begins anew, under another name."""
    folder = remote.downloads / repo_folder_name(repo_id=entry.repo, repo_type=entry.repo_type) / "blobs"
    for file in folder.glob("*.incomplete"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > _ABANDONED_SECONDS:
                file.unlink()


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
