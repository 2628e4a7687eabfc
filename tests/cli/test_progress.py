"""The progress line in a terminal and in a log."""

import pytest

from adapter.cli import progress
from adapter.cli.progress import ProgressLine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_has_one_line_that_is_not_replaced_too_often(clock, monkeypatch, capsys) -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    line = ProgressLine()
    for text in ("a", "b"):
        line.show(text)
    clock[0] += 1
    line.show("c")
    line.clear()
    assert capsys.readouterr().err == "\r\x1b[Ka\r\x1b[Kc\r\x1b[K"


def test_a_log_has_forced_lines_only_unless_it_has_an_interval(clock, capsys) -> None:
    line = ProgressLine()
    line.show("a")
    line.show("b", force=True)
    line.show("c")
    line.clear()
    assert capsys.readouterr().err == "b\n"
    line = ProgressLine(log_seconds=20)
    for text in "abc":
        line.show(text)
        clock[0] += 15
    assert capsys.readouterr().err == "a\nc\n"
