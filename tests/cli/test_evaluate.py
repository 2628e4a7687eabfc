"""The command: arguments, what is refused before any work, what is printed and written."""

import argparse
from pathlib import Path

import pytest
import torch
from PIL import Image

from adapter import __main__ as cli
from adapter.cli import evaluate
from adapter.evaluation.domains import HELD_OUT, QUICK, TUNING
from adapter.evaluation.runner import EvalProgress
from adapter.evaluation.tables import BEGIN, END
from adapter.methods import METHODS, get_method


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict:
    """Replaces the work and records its arguments."""
    calls: dict = {}

    def context(*arguments, seeds, config, **others) -> argparse.Namespace:
        calls["pairs"], calls["seeds"] = config.pairs, seeds
        return argparse.Namespace(out=arguments[5], device=torch.device("cpu"))

    def run_evaluation(context, entries, domains):
        calls["methods"] = [(entry.name, entry.title, entry.method.preset) for entry in entries]
        calls["steps"] = [entry.method.steps for entry in entries]
        calls["domains"] = domains
        yield EvalProgress(0, 2, "orc, source: preparing")
        yield EvalProgress(2, 2, "measured")
        yield {0: {"source": {}}}

    def run_parallel(make_context, cells, jobs):
        calls["jobs"] = jobs
        yield EvalProgress(len(cells), len(cells), "orc, source: measured")

    model = torch.nn.Identity()
    model.config = argparse.Namespace(image_resolution=128)
    monkeypatch.setattr(evaluate, "Eg3d", argparse.Namespace(from_pretrained=lambda base: model))
    for load in ("load_encoder", "load_classifier"):
        monkeypatch.setattr(evaluate, load, lambda *arguments: model)
    monkeypatch.setattr(evaluate, "EvalContext", context)
    monkeypatch.setattr(evaluate, "load_inverter", lambda base: None)
    monkeypatch.setattr(evaluate, "run_evaluation", run_evaluation)
    monkeypatch.setattr(evaluate, "missing_cells", lambda *arguments: ["a cell"] * calls.get("missing", 0))
    monkeypatch.setattr(evaluate, "run_parallel", run_parallel)
    monkeypatch.setattr(evaluate, "write_report", lambda *arguments: "| a table |")
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
def test_what_is_missing_is_measured_in_parallel(
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
    monkeypatch.setattr(evaluate, "load_inverter", lambda base: None)
    assert cli.main(["evaluate", "--out", str(tmp_path / "out"), "--pairs", "2"]) == 2
    assert "from 8 to 4096" in capsys.readouterr().err


def test_progress_tells_the_time_left() -> None:
    step = EvalProgress(3, 9, "orc, difa: G2 4/9")
    assert evaluate.progress_text(step, 601.0) == "[3/9] orc, difa: G2 4/9, about 10 min left"
    assert evaluate.progress_text(step, None) == "[3/9] orc, difa: G2 4/9"


@pytest.mark.parametrize(
    ("arguments", "seeds"), [([], (0,)), (["--seed", "3"], (3,)), (["--seeds", "0", "1", "2", "1"], (0, 1, 2))]
)
def test_one_or_several_seeds(asked: dict, tmp_path: Path, arguments: list[str], seeds: tuple[int, ...]) -> None:
    assert cli.main(["evaluate", "--out", str(tmp_path), *arguments]) == 0
    assert asked["seeds"] == seeds


def test_a_document_without_a_place_is_refused_before_any_work(asked: dict, tmp_path: Path, capsys) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no markers", encoding="utf-8")
    assert cli.main(["evaluate", "--out", str(tmp_path), "--table", str(readme)]) == 2
    assert "no place for the table" in capsys.readouterr().err
    assert "domains" not in asked


def test_text_takes_one_seed(tmp_path: Path, capsys) -> None:
    assert cli.main(["evaluate", "--out", str(tmp_path), "--text", "--seeds", "0", "1"]) == 2
    assert "one seed" in capsys.readouterr().err
