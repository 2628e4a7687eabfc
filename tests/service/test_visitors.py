"""What belongs to a visitor outlives the connection, and goes some minutes after the visitor."""

from pathlib import Path

import pytest

from adapter.service.sessions import Sessions
from adapter.service.visitors import Visitors

ANNA, BERT = "a" * 64, "b" * 64


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visitors(tmp_path: Path, clock: Clock) -> Visitors:
    sessions = Sessions(tmp_path)
    sessions.uploads.mkdir()
    return Visitors(sessions, copy_of=lambda file: sessions.uploads / file.name, grace=600, clock=clock)


def test_a_token_finds_the_visitor_on_a_new_page(visitors: Visitors):
    first = visitors.attach("page-1", ANNA)
    assert visitors.of("page-1") is first
    assert visitors.attach("page-2", ANNA) is first
    assert visitors.folder("page-1") == visitors.folder("page-2")


@pytest.mark.parametrize("token", ["", "a" * 63, "A" * 64, "page-1", "../" * 20, None])
def test_whatever_is_no_token_is_somebody_new(visitors: Visitors, token):
    one, other = visitors.attach("page-1", token), visitors.attach("page-2", token)
    assert one is not other


def test_two_tokens_and_programs_are_apart(visitors: Visitors):
    folders = {visitors.attach("page-1", ANNA).key, visitors.attach("page-2", BERT).key, visitors.of("program").key}
    assert len(folders) == 3
    assert visitors.attach("page-3", "program").key != visitors.of("program").key


def test_who_left_is_removed_some_minutes_later_with_job_and_uploads(visitors: Visitors, clock: Clock):
    visitor = visitors.attach("page-1", ANNA)
    job = visitors.new_job("page-1")
    upload, shown = visitors.sessions.uploads / "mine.png", visitors.sessions.uploads / "orbit.mp4"
    for path in (upload, shown, job / "orbit.mp4"):
        path.touch()
    visitor.uploads.add(upload)
    visitors.queue.enqueue(str(job), visitor.key, 10)
    visitors.leave("page-1")
    clock.now = 599
    visitors.sweep()
    assert job.exists()
    assert visitors.queue.position(str(job)) == (0, 0)
    clock.now = 601
    visitors.sweep()
    assert not any(path.exists() for path in (job, upload, shown))
    assert visitors.queue.position(str(job)) is None
    assert visitors.attach("page-2", ANNA) is not visitor


def test_who_comes_back_in_time_stays(visitors: Visitors, clock: Clock):
    visitor = visitors.attach("page-1", ANNA)
    visitors.leave("page-1")
    clock.now = 500
    assert visitors.attach("page-2", ANNA) is visitor
    clock.now = 5000
    visitors.sweep()
    assert visitors.of("page-2") is visitor


def test_a_late_goodbye_of_the_page_before_a_reload_does_not_count(visitors: Visitors, clock: Clock):
    visitor = visitors.attach("page-1", ANNA)
    visitors.attach("page-2", ANNA)
    visitors.leave("page-1")
    clock.now = 5000
    visitors.sweep()
    assert visitors.of("page-2") is visitor


def test_a_page_whose_connection_was_cut_stays_as_long_as_it_is_heard_of(visitors: Visitors, clock: Clock):
    visitor = visitors.attach("page-1", ANNA)
    visitors.leave("page-1")
    for now in range(0, 3000, 60):
        clock.now = now
        assert visitors.of("page-1") is visitor
        visitors.sweep()
    clock.now = 4000
    visitors.sweep()
    assert visitors.of("page-1") is not visitor


def test_files_that_another_visitor_has_too_stay(visitors: Visitors, clock: Clock):
    upload, shown = visitors.sessions.uploads / "same.png", visitors.sessions.uploads / "orbit.mp4"
    for page, token in (("page-1", ANNA), ("page-2", BERT)):
        visitors.attach(page, token).uploads.add(upload)
        (visitors.new_job(page) / "orbit.mp4").touch()
    upload.touch()
    shown.touch()
    visitors.leave("page-1")
    clock.now = 601
    visitors.sweep()
    assert upload.exists()
    assert shown.exists()
    visitors.leave("page-2")
    clock.now = 1300
    visitors.sweep()
    assert not upload.exists()
    assert not shown.exists()
