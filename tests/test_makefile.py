"""The two faults of an environment that the Makefile handles before anything is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLD_PYTHON = """#!/bin/sh
echo "$@" >> "{calls}"
exec "{python}" -c "import sys; sys.version_info = (3, 10, 4, 'final', 0); exec(sys.argv[1])" "$2"
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what the Makefile installs from, without an environment."""
    for path in (ROOT / "Makefile", *ROOT.glob("requirements*.txt")):
        shutil.copy(path, tmp_path)
    return tmp_path


def make(folder: Path, target: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    environment["PATH"] = path
    return subprocess.run(["make", target], cwd=folder, env=environment, capture_output=True, text=True)


def test_another_python_is_refused_before_anything_is_installed(folder: Path):
    programs, calls = folder / "programs", folder / "calls"
    programs.mkdir()
    (programs / "python3").write_text(OLD_PYTHON.format(calls=calls, python=sys.executable))
    (programs / "python3").chmod(0o755)
    done = make(folder, "demo", f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode
    sentence, _ = done.stderr.strip().splitlines()  # the other line is make's own
    assert "Python 3.10" in sentence
    assert "3.11, 3.12 or 3.13" in sentence
    assert not (folder / ".venv").exists()
    assert len(calls.read_text().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["no pip", "no python", "another python"])
def test_a_half_made_environment_is_made_anew(folder: Path, fault: str):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    python = folder / ".venv" / "bin" / "python"
    if fault == "no python":
        python.unlink()
        python.symlink_to(folder / "gone")
    if fault == "another python":
        python.unlink()
        python.write_text(OLD_PYTHON.format(calls=folder / "calls", python=sys.executable))
        python.chmod(0o755)
    (folder / ".venv" / "app").touch()
    assert make(folder, ".venv/bin/pip").returncode == 0
    subprocess.run([python, "-m", "pip", "--version"], check=True, capture_output=True)
    assert not (folder / ".venv" / "app").exists()
    assert make(folder, ".venv/bin/pip").stdout.count("is up to date") == 1
