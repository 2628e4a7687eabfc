"""Folders live as long as the processes that made them, whatever numbers these have."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapter.utils.owned_folder import OwnedFolder

ROOT = Path(__file__).parents[2]
OWNER = """
import time
from adapter.utils.owned_folder import OwnedFolder
print(OwnedFolder.create("owned-").path, flush=True)
time.sleep(60)
"""


@contextmanager
def owner(temporary: Path, *before: str) -> Iterator[tuple[subprocess.Popen, Path]]:
    """A process with a folder, killed with the block."""
    process = subprocess.Popen(
        [*before, sys.executable, "-c", OWNER],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, Path(process.stdout.readline().strip())
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_at_the_next_start_after_its_process_was_killed(temporary: Path):
    with owner(temporary) as (_, left), owner(temporary) as (_, alive):
        assert left.is_dir(), "the other process lives"
        assert left != alive
    assert left.is_dir()
    assert alive.is_dir()
    own = OwnedFolder.create("owned-")
    assert not left.exists()
    assert not alive.exists()
    assert own.path.stat().st_mode & 0o077 == 0
    own.remove()
    assert not own.path.exists()


def test_another_container_with_the_same_numbers_neither_deletes_nor_keeps(temporary: Path):
    """Each container's first process is number 1."""
    inside = ["unshare", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("no namespaces of processes can be made here")
    with owner(temporary, *inside) as (_, first):
        with owner(temporary, *inside) as (_, second):
            assert first.is_dir()
            assert second.is_dir()
        with owner(temporary, *inside) as (_, third):
            assert first.is_dir()
            assert not second.exists()
            assert third.is_dir()


def test_folders_of_older_versions_go_after_a_day(temporary: Path):
    young, old = temporary / "owned-young", temporary / "owned-old"
    for folder in (young, old):
        folder.mkdir()
        (folder / "pid").write_text("1")
    past = time.time() - 2 * 86_400
    os.utime(old, (past, past))
    OwnedFolder.create("owned-").remove()
    assert young.exists()
    assert not old.exists()


def test_a_fork_does_not_remove_it(temporary: Path):
    own = OwnedFolder.create("owned-")
    child = os.fork()
    if child == 0:
        own.remove()
        os._exit(0)
    os.waitpid(child, 0)
    assert own.path.is_dir()
    own.remove()
