"""No error leaves a handler of the page."""

import logging
from collections.abc import Iterator

import gradio as gr
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


def test_without_a_component_the_error_is_for_the_page_and_for_programs():
    with pytest.raises(gr.Error, match=r"Nothing here\."):
        Tab().own(UserError("Nothing here."))
