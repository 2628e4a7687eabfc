"""No error leaves a handler of the page."""

import logging
from collections.abc import Iterator

import pytest

from adapter.errors import UserError
from adapter.service.failures import UNEXPECTED
from adapter.ui.handlers import report_errors


class Tab:
    note, pushed = "note", "pushed"

    @report_errors()
    def answer(self, error: Exception | None) -> dict:
        if error is not None:
            raise error
        return {"answer": 42}

    @report_errors("pushed")
    def stream(self, error: Exception) -> Iterator[dict]:
        yield {"step": 1}
        raise error

    @report_errors("")
    def own(self, error: Exception) -> dict:
        raise error

    def problem(self, sentence: str) -> dict:
        return {"own": sentence}


def test_the_visitor_gets_the_sentence_and_the_owner_the_rest(caplog: pytest.LogCaptureFixture):
    assert Tab().answer(None) == {"answer": 42}
    assert "The file is gone." in Tab().answer(UserError("The file is gone."))["note"]
    assert not caplog.records
    with caplog.at_level(logging.ERROR):
        shown = Tab().answer(ZeroDivisionError("secret"))["note"]
    assert UNEXPECTED in shown
    assert "secret" not in shown
    assert "ZeroDivisionError: secret" in caplog.text


def test_a_stream_ends_with_the_sentence():
    first, last = Tab().stream(UserError("Out of memory."))
    assert first == {"step": 1}
    assert "Out of memory." in last["pushed"]


def test_a_tab_may_have_its_own_way():
    assert Tab().own(UserError("Nothing here.")) == {"own": "Nothing here."}
