"""Folders of sessions are private, stay inside their root, and go away."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from adapter.service.sessions import Sessions


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path)


def test_each_session_has_its_own_folder(sessions: Sessions):
    assert sessions.folder("a") == sessions.folder("a")
    assert sessions.folder("a") != sessions.folder("b")
    assert sessions.folder("a").stat().st_mode & 0o077 == 0


def test_names_cannot_be_worked_out_from_the_id(tmp_path: Path):
    assert Sessions(tmp_path).folder("a") != Sessions(tmp_path).folder("a")
    assert "secret=" not in repr(Sessions(tmp_path))


@pytest.mark.parametrize("session", ["", "../..", "/etc/passwd", "a/b", "x" * 9999, "\0", "ü"])
def test_any_id_stays_inside(sessions: Sessions, session: str):
    folder = sessions.folder(session)
    assert folder.parent == sessions.root
    sessions.remove(session)
    assert not folder.exists()
    assert sessions.root.exists()


def test_jobs_are_new_every_time(sessions: Sessions):
    first, second = sessions.new_job("a"), sessions.new_job("a")
    assert first != second
    assert first.parent == second.parent == sessions.folder("a")


def test_removing_takes_only_the_own_files(sessions: Sessions):
    mine, other = sessions.new_job("a"), sessions.new_job("b")
    (mine / "x").touch()
    (other / "x").touch()
    sessions.remove("a")
    assert not mine.exists()
    assert (other / "x").exists()


def test_old_jobs_are_swept_and_young_ones_kept(sessions: Sessions):
    old, young = sessions.new_job("a"), sessions.new_job("a")
    (old / "x").touch()
    past = time.time() - 2 * sessions.lifetime
    os.utime(old, (past, past))
    sessions.new_job("b")
    assert not old.exists()
    assert young.exists()


def test_a_session_whose_files_are_all_old_is_swept(sessions: Sessions):
    old = sessions.new_job("a")
    past = time.time() - 2 * sessions.lifetime
    os.utime(old, (past, past))
    os.utime(old.parent, (past, past))
    sessions.sweep()
    assert not old.parent.exists()


def test_temporary_sessions_are_private():
    sessions = Sessions.temporary()
    assert sessions.root.stat().st_mode & 0o077 == 0


def test_the_oldest_jobs_go_when_the_disk_is_full(tmp_path: Path):
    sessions = Sessions(tmp_path, ceiling=250)
    jobs = [sessions.new_job("a") for _ in range(3)]
    for age, job in zip((300, 200, 100), jobs, strict=True):
        (job / "x").write_bytes(bytes(100))
        past = time.time() - age
        os.utime(job, (past, past))
    sessions.sweep()
    assert [job.exists() for job in jobs] == [False, True, True]
    Sessions(tmp_path, ceiling=0).sweep()
    assert jobs[2].exists(), "the newest job stays"


def test_loose_files_count_and_age_like_jobs_and_uploads_are_left_alone(tmp_path: Path):
    sessions = Sessions(tmp_path, ceiling=250)
    old, big = sessions.folder("a") / "domain-1.safetensors", sessions.folder("b") / "domain-2.safetensors"
    job, upload = sessions.new_job("b"), sessions.uploads / "abc" / "picture.png"
    upload.parent.mkdir(parents=True)
    for path, size, age in ((old, 10, 2 * sessions.lifetime), (big, 300, 100), (upload, 300, 2 * sessions.lifetime)):
        path.write_bytes(bytes(size))
        past = time.time() - age
        for one in (path, path.parent):
            os.utime(one, (past, past))
    os.utime(sessions.uploads, (past, past))
    sessions.sweep()
    assert [path.exists() for path in (old, big, job, upload)] == [False, False, True, True]


def test_sweeping_goes_on_while_nobody_comes(sessions: Sessions):
    old = sessions.new_job("a")
    past = time.time() - 2 * sessions.lifetime
    os.utime(old, (past, past))
    sessions.keep_swept(every=0.01)
    deadline = time.monotonic() + 20
    while old.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not old.exists()


def test_temporary_sessions_go_when_they_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = Sessions.temporary(), Sessions.temporary()
    assert first.root.exists()
    first.new_job("a")
    first.close()
    assert not first.root.exists()
    assert second.root.exists()
    second.close()
