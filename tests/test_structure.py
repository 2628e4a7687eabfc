"""The app's packages stay small and depend one way: short functions and files, no import circle, no training code."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEVELOPMENT = {"training", "synthetic"}
LONGEST_FUNCTION, LONGEST_FILE = 60, 350


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    module_name(path): path
    for path in sorted((ROOT / "adapter").rglob("*.py"))
    if path.relative_to(ROOT).parts[1] not in DEVELOPMENT
}


def imported(path: Path, at_load: bool) -> set[str]:
    """Modules of the project that a file imports; ``at_load`` leaves out those inside of functions and for types."""
    tree = ast.parse(path.read_text())
    skipped = set()
    if at_load:
        for node in ast.walk(tree):
            lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if lazy or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
                skipped |= set(map(id, ast.walk(node)))
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped or not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("adapter"):
            continue
        names = {f"{node.module}.{alias.name}" for alias in node.names} & set(FILES)
        found |= names or {node.module}
    return found


@pytest.mark.parametrize("name", FILES)
def test_files_and_functions_are_short(name: str):
    text = FILES[name].read_text()
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{node.name} is long"


def test_there_is_no_import_circle():
    # A package stands for what its __init__ imports, so its own modules do not depend on it.
    graph = {
        name: {other for other in imported(path, at_load=True) if other in FILES and not name.startswith(f"{other}.")}
        for name, path in FILES.items()
    }
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_the_app_runs_without_the_training_code():
    """Only evaluation reads the synthetic heads: they are its ground truth."""
    for name, path in FILES.items():
        for other in imported(path, at_load=False):
            package = other.split(".")[1] if "." in other else ""
            assert package != "training", f"{name} imports {other}"
            assert package != "synthetic" or name.split(".")[1] in ("evaluation", "cli"), f"{name} imports {other}"
