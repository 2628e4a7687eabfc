"""README and docs: short, their snippets run, and their paths, links and numbers are right."""

import re
from pathlib import Path

import pytest
import torch

from adapter import DomainAdapter, pipeline, result
from adapter.eg3d import Eg3d
from tests.helpers.app import running_app
from tests.helpers.tiny_base import CONFIG

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
FOLDERS = ("adapter", "checkpoints", "docs", "examples", "tests")


def snippets(text: str, start: str) -> list[str]:
    return [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if code.startswith(start)]


def tables(text: str) -> list[dict[str, dict[str, str]]]:
    """Tables as rows by their first cell, of cells by their column."""
    found = []
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
        found.append({row[0]: dict(zip(head, row, strict=True)) for row in rows})
    return found


def test_the_readme_is_short_and_opens_with_a_picture_that_turns():
    assert len(README.split()) <= 1200
    first = re.search(r"\]\((checkpoints/[^)]*)\)", README)[1]
    assert first.endswith((".gif", ".webp"))
    assert 100_000 < (ROOT / first).stat().st_size < 3_000_000


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(document: Path):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / target).exists(), target
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", text):
        assert (ROOT / path).exists(), path


def test_the_numbers_of_the_readme_are_those_of_the_evaluation():
    short = next(table for table in tables(README) if "3D-Adapter, full" in table)
    long = next(
        table
        for table in tables((ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8"))
        if "3D-Adapter, full" in table
    )
    assert len(short) == 6
    for name, row in short.items():
        cells = {column: cell for column, cell in row.items() if column != "method"}
        assert len(cells) == 6
        assert cells == {column: long[name][column] for column in cells}


@pytest.mark.slow
def test_the_python_snippet_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (code,) = snippets(README, "from adapter import")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    customize = pipeline.customize
    monkeypatch.setattr(pipeline, "customize", lambda *settings: customize(*settings).of_length(4))
    sent = []
    monkeypatch.setattr(result, "push_domain", lambda path, repo_id, *_, **__: sent.append(repo_id))
    values: dict = {}
    exec(code, values)
    assert isinstance(values["adapter"], DomainAdapter)
    assert (tmp_path / "orbit.mp4").stat().st_size > 10_000
    assert values["adapter"].load_domain(tmp_path / "style.safetensors").domain.metadata.base == "heads"
    assert sent == ["me/style"]


@pytest.mark.slow
def test_the_snippet_for_the_endpoints_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (code,) = snippets(README, "from gradio_client import")
    torch.manual_seed(0)
    Eg3d(CONFIG).save_pretrained(tmp_path / "tiny")
    monkeypatch.chdir(ROOT)
    values: dict = {}
    with running_app(tmp_path, small=True, BASE=str(tmp_path / "tiny"), ENCODER="clip-heads") as app:
        exec(code.replace("http://127.0.0.1:7860", app.url), values)
    assert Path(values["domain"]).suffix == ".safetensors"
    assert Path(values["orbit"]).suffix == ".mp4"
    assert values["view"]


@pytest.mark.slow
def test_the_snippets_of_the_api_document_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    first, second = snippets(text, "from adapter")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(first, {})
    short = second.replace('get_method("3d-adapter", "quick")', 'get_method("3d-adapter", "quick").of_length(2)')
    assert short != second
    exec(short, {})
    assert (tmp_path / "mona-lisa.safetensors").is_file()
