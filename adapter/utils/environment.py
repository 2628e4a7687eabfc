"""What the surroundings of a process may lack: a usable proxy, a home to write to, an output that knows all letters."""

import contextlib
import getpass
import importlib.util
import io
import os
import re
import stat
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
_WRONG_HOST = re.compile(r"\[|:.*/")
"""IPv6 addresses in brackets or with a mask, which httpx cannot read."""
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def prepare(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make up for what is missing, and print a line on stderr for each thing that the user may want to change.

    Args:
        environment: variables, read by the libraries that are loaded later.
    """
    use_any_letters()
    for line in [*use_proxies(environment), *use_caches(environment)]:
        print(line, file=sys.stderr)


def use_any_letters() -> None:
    """Let the output replace letters that its encoding lacks, where it would raise an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def use_proxies(environment: MutableMapping[str, str]) -> list[str]:
    """Take the machine's own addresses out of the proxies' reach, and drop proxies that httpx cannot use.

    httpx, with which Gradio calls its own page, refuses to start beside a proxy of a kind that it does not know.

    Returns:
        A sentence for each proxy that is left out.
    """
    dropped = []
    for name in [name for name in environment if name.lower() in _PROXIES]:
        scheme, _, rest = environment[name].strip().rpartition("://")
        known = scheme in ("", "http", "https")
        if known or (scheme in ("socks5", "socks5h") and importlib.util.find_spec("socksio")):
            continue
        del environment[name]
        reason = "needs the package socksio" if scheme.startswith("socks") else "is of an unknown kind"
        dropped.append(f"The proxy {scheme}://{rest.rpartition('@')[2]} of {name} {reason}, so it is not used.")
    own = [*_LOOPBACK, environment.get("GRADIO_SERVER_NAME", "").strip(" []")]
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host.strip() for host in environment.get(name, "").split(",")]
        if name == "NO_PROXY" or any(hosts):
            usable = [host for host in [*hosts, *own] if host and not _WRONG_HOST.search(host)]
            environment[name] = ",".join(dict.fromkeys(usable))
    return dropped


def use_caches(environment: MutableMapping[str, str]) -> list[str]:
    """Send libraries' caches to a private temporary folder where the home cannot be written.

    Models that are already in the home's cache are still read there.

    Returns:
        A sentence if that is so.
    """
    home = Path(os.path.expanduser("~"))
    cache = Path(environment.get("XDG_CACHE_HOME", "").strip() or home / ".cache")
    models = Path(environment.get("HF_HOME", "").strip() or cache / "huggingface").expanduser()
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        environment["USER"] = "user"  # PyTorch asks for the name of a user who has none
    told = []
    if not (home.is_absolute() and _writable(cache)):
        own = _own_folder()
        environment["XDG_CACHE_HOME"] = environment["XDG_CONFIG_HOME"] = str(own)
        environment["MPLCONFIGDIR"] = str(own / "matplotlib")
        told.append(f"{cache} cannot be written, so caches go to {own}. To keep them, set XDG_CACHE_HOME to a folder.")
    if _writable(models) or os.access(models / "hub", os.R_OK | os.X_OK):
        if told:
            environment["HF_HOME"] = str(models)
    else:
        own = _own_folder()
        environment["HF_HOME"] = str(own / "huggingface")
        told.append(f"{models} cannot be written, so models go to {own}. To keep them, set HF_HOME to a folder.")
    return told


def _writable(folder: Path) -> bool:
    """Whether a folder can be written, or made if it is not there."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _own_folder() -> Path:
    """A folder in the temporary folder that other users cannot have prepared."""
    folder = Path(tempfile.gettempdir()) / f"adapter-cache-{os.getuid() if hasattr(os, 'getuid') else ''}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
        if stat.S_ISDIR(facts.st_mode) and (not hasattr(os, "getuid") or facts.st_uid == os.getuid()):
            return folder
    return Path(tempfile.mkdtemp(prefix="adapter-cache-"))
