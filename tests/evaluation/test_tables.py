from pathlib import Path

import pytest

from adapter.errors import UserError
from adapter.evaluation.metrics import METRICS
from adapter.evaluation.tables import BEGIN, END, markdown, write_table


def test_a_row_for_each_title_with_means_and_dashes() -> None:
    cell = dict.fromkeys(METRICS, 2.0)
    results = {"source": {"a": cell | {"seconds": None}}, "x": {"a": cell | {"kid": 0.25}}}
    table = markdown(results, {"x": "X", "source": "*source*"}, ["a"], {"x": {"mean": 1.5}}, {"x": {"kid_fall": 0.875}})
    head, _, first, second = table.splitlines()
    assert head.startswith("|  | rank ↓ | KID falls ↑ | KID ↓ |")
    assert first.startswith("| X | 1.50 | 88 % | 0.250 |")
    assert second.startswith("| *source* | – | – | 2.000 |")
    columns = {len(line.split("|")) for line in table.splitlines()}
    assert columns == {len(METRICS) + 5}
    seconds = [part.strip() for part in head.split("|")].index("seconds ↓")
    assert second.split("|")[seconds].strip() == "–"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    cell = dict.fromkeys(METRICS, -1e-6)
    row = markdown({"x": {"a": cell}}, {"x": "X"}, ["a"], {}, {}).splitlines()[-1]
    assert "-0" not in row
    assert "0.000" in row


def test_the_table_replaces_what_stands_between_the_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_bytes(f"# Título\r\n\r\n{BEGIN}\nold\n{END}\r\nrest\n".encode())
    write_table(readme, "| new |\n")
    expected = f"# Título\r\n\r\n{BEGIN}\n\n| new |\n\n{END}\r\nrest\n".encode()
    assert readme.read_bytes() == expected
    write_table(readme, "| new |")
    assert readme.read_bytes() == expected


@pytest.mark.parametrize("text", ["nothing", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_document_without_a_place_is_left_alone(tmp_path: Path, text: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="no place for the table"):
        write_table(readme, "x")
    assert readme.read_text(encoding="utf-8") == text


def test_a_missing_document_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.md cannot be read"):
        write_table(tmp_path / "none.md", "x")
