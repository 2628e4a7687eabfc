from pathlib import Path

import pytest

from adapter.errors import UserError
from adapter.evaluation.eval_set import EvalConfig
from adapter.evaluation.metrics import METRICS
from adapter.evaluation.tables import BEGIN, END, Row, caption, markdown, write_table


def test_a_row_for_each_with_means_and_dashes() -> None:
    means = dict.fromkeys(METRICS, 2.0)
    rows = [Row("X", means | {"kid": 0.25}, 1.5, 0.875), Row("*source*", means | {"seconds": None})]
    head, _, first, second = markdown(rows).splitlines()
    assert head.startswith("|  | rank ↓ | KID falls ↑ | KID ↓ |")
    assert first.startswith("| X | 1.50 | 88 % | 0.250 |")
    assert second.startswith("| *source* | – | – | 2.000 |")
    assert {len(line.split("|")) for line in markdown(rows).splitlines()} == {len(METRICS) + 5}
    seconds = [part.strip() for part in head.split("|")].index("seconds ↓")
    assert second.split("|")[seconds].strip() == "–"


def test_what_rounds_to_zero_has_no_sign() -> None:
    row = markdown([Row("X", dict.fromkeys(METRICS, -1e-6))]).splitlines()[-1]
    assert "-0" not in row
    assert "0.000" in row


def test_several_seeds_add_spreads_and_what_is_missed() -> None:
    means, spread = dict.fromkeys(METRICS, 2.0), dict.fromkeys(METRICS, 0.25) | {"seconds": None}
    rows = [
        Row("*source*", means),
        Row("first", means, spread=spread),
        Row("worse", means, spread=spread, missed=["kid", "edges"]),
        Row("same", means, spread=spread, missed=[]),
    ]
    lines = markdown(rows).splitlines()
    assert {len(line.split("|")) for line in lines} == {len(METRICS) + 6}
    assert [line.split("|")[-2].strip() for line in lines] == ["missed", "---", "–", "–", "KID, edges", "none"]
    assert "| 2.000 (0.250) |" in lines[3]
    assert "(" not in lines[2]


def test_the_caption_describes_the_evaluation() -> None:
    text = caption(EvalConfig(pairs=10, front=32), 78, "classifier", ["bronze"], seeds=3)
    for part in ("10 heads a domain", "10 heads from the front", "78 styles", "none was measured", "3 seeds"):
        assert part in text
    assert "seeds" not in caption(EvalConfig(), 78, "LPIPS (vgg)", ["orc"])
    assert "Rim" not in text
    assert "Rim" in caption(EvalConfig(), 78, "LPIPS (vgg)", ["orc"], people=True)


def test_what_no_row_has_is_no_column() -> None:
    means = dict.fromkeys(METRICS, 2.0) | {"rim": None}
    assert "rim" not in markdown([Row("X", means)])
    assert "rim" in markdown([Row("X", means), Row("Y", means | {"rim": 0.1})])


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
