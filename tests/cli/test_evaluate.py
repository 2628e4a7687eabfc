"""The command: arguments, what is refused before any work, what is printed and written."""

import argparse
from pathlib import Path

import pytest
import torch
from PIL import Image

from adapter import __main__ as cli
from adapter.cli import evaluate
from adapter.evaluation import report as report_module
from adapter.evaluation import runner as contest_module
from adapter.evaluation import workers
from adapter.evaluation.domains import HELD_OUT, QUICK, TUNING
from adapter.evaluation.runner import Progress
from adapter.evaluation.tables import BEGIN, END
from adapter.latents import wplus_encoder as encoder_module
from adapter.methods import METHODS, get_method


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict:
    """Stands in for the work; remembers what was asked for."""
    calls: dict = {}

    def tools(args: argparse.Namespace, pairs: int, inverter: None) -> argparse.Namespace:
        calls["pairs"] = args.pairs or pairs
        return argparse.Namespace(out=args.out, device=torch.device("cpu"))

    def contest(tools, contestants, domains):
        calls["methods"] = [(one.name, one.title, one.method.preset) for one in contestants]
        calls["steps"] = [one.method.steps for one in contestants]
        calls["domains"] = domains
        yield Progress(0, 2, "orc, source: preparing")
        yield Progress(2, 2, "measured")
        yield {"source": {}}

    monkeypatch.setattr(evaluate, "_tools", tools)
    monkeypatch.setattr(encoder_module, "load_inverter", lambda base: None)

    def share_out(make_tools, cells, jobs):
        calls["jobs"] = jobs
        yield Progress(len(cells), len(cells), "orc, source: measured")

    monkeypatch.setattr(contest_module, "contest", contest)
    monkeypatch.setattr(contest_module, "unmeasured", lambda *arguments: ["a cell"] * calls.get("missing", 0))
    monkeypatch.setattr(workers, "share_out", share_out)
    monkeypatch.setattr(report_module, "write_report", lambda *arguments: "| a table |")
    return calls


def test_the_quick_form_takes_all_methods_and_three_held_out_domains(asked: dict, tmp_path: Path, capsys) -> None:
    assert cli.main(["evaluate", "--out", str(tmp_path)]) == 0
    assert [name for name, _, _ in asked["methods"]] == list(METHODS)
    assert asked["domains"] == QUICK
    assert asked["pairs"] == 64
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == "| a table |"
    assert "[0/2] orc, source: preparing" in captured.err


def test_the_quick_form_halves_the_steps_unless_a_budget_is_given(asked: dict, tmp_path: Path) -> None:
    assert cli.main(["evaluate", "--out", str(tmp_path)]) == 0
    assert asked["steps"] == [get_method(name, "quick").steps // 2 for name in METHODS]
    assert cli.main(["evaluate", "--out", str(tmp_path), "--budget", "quick"]) == 0
    assert asked["steps"] == [get_method(name, "quick").steps for name in METHODS]


@pytest.mark.parametrize(("missing", "arguments", "jobs"), [(9, ["--jobs", "3"], 3), (2, ["--jobs", "3"], 2)])
def test_what_is_missing_is_shared_out(
    asked: dict, tmp_path: Path, missing: int, arguments: list[str], jobs: int
) -> None:
    asked["missing"] = missing
    assert cli.main(["evaluate", "--out", str(tmp_path), *arguments]) == 0
    assert asked["jobs"] == jobs


@pytest.mark.parametrize(("missing", "arguments"), [(9, ["--jobs", "1"]), (1, []), (0, [])])
def test_little_to_do_takes_no_other_process(asked: dict, tmp_path: Path, missing: int, arguments: list[str]) -> None:
    asked["missing"] = missing
    assert cli.main(["evaluate", "--out", str(tmp_path), *arguments]) == 0
    assert "jobs" not in asked


def test_a_number_of_jobs_out_of_range_is_refused(asked: dict, tmp_path: Path, capsys) -> None:
    assert cli.main(["evaluate", "--out", str(tmp_path), "--jobs", "0"]) == 2
    assert "from 1 to 64" in capsys.readouterr().err


def test_methods_presets_and_groups_of_domains(asked: dict, tmp_path: Path) -> None:
    arguments = ["--methods", "3d-adapter", "3d-adapter:joint", "difa", "--domains", "tuning", "orc", "--pairs", "16"]
    assert cli.main(["evaluate", "--out", str(tmp_path), *arguments]) == 0
    assert asked["methods"] == [
        ("3d-adapter", "3D-Adapter", "quick"),
        ("3d-adapter:joint", "3D-Adapter, joint", "joint"),
        ("difa", "DiFa (no SCC)", "quick"),
    ]
    assert asked["domains"] == (*TUNING, "orc")
    assert set(asked["domains"]) & set(HELD_OUT) == {"orc"}
    assert asked["pairs"] == 16


def test_the_full_form_takes_every_domain(asked: dict, tmp_path: Path) -> None:
    assert cli.main(["evaluate", "--out", str(tmp_path), "--form", "full", "--budget", "full"]) == 0
    assert asked["domains"] == TUNING + HELD_OUT
    presets = {name: preset for name, _, preset in asked["methods"]}
    assert presets["3d-adapter"] == "full"
    assert presets["stylize"] == "quick"


def test_the_table_goes_into_the_document(asked: dict, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"a\n{BEGIN}\n{END}\nb\n", encoding="utf-8")
    Image.new("RGB", (30, 20)).save(tmp_path / "figure.png")
    figure = tmp_path / "shown" / "figure.jpg"
    documents = ["--table", str(readme), "--figure", str(figure)]
    assert cli.main(["evaluate", "--out", str(tmp_path), *documents]) == 0
    with Image.open(figure) as shown:
        assert (shown.format, shown.size) == ("JPEG", (30, 20))
    assert "| a table |" in readme.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--methods", "magic"], "There is no method named 'magic'"),
        (["--methods", "3d-adapter:magic"], "no preset named 'magic'"),
        (["--methods", "difa", "--budget", "magic"], "no preset named 'magic'"),
        (["--budget", "magic"], "No method has a preset named 'magic'"),
        (["--domains", "marble cake"], "There is no domain named 'marble cake'"),
    ],
)
def test_wrong_names_are_refused_before_any_work(
    asked: dict, tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list[str], said: str
) -> None:
    assert cli.main(["evaluate", "--out", str(tmp_path / "out"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert "domains" not in asked
    assert not (tmp_path / "out").exists()


def test_too_few_heads_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(encoder_module, "load_inverter", lambda base: None)
    assert cli.main(["evaluate", "--out", str(tmp_path / "out"), "--pairs", "2"]) == 2
    assert "from 8 to 4096" in capsys.readouterr().err


def test_progress_says_how_long_it_will_take() -> None:
    assert evaluate._line(3, 9, "orc, difa: G2 4/9", 601.0) == "[3/9] orc, difa: G2 4/9, about 10 min left"
    assert evaluate._line(0, 9, "orc", None) == "[0/9] orc"
