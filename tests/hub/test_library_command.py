"""The library on the command line, against the loopback Hub where one is asked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from adapter import __main__ as cli
from adapter.adaptation.domain import Domain, DomainMetadata
from adapter.hub.library import load_library

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", [["library"], ["library", "list"]])
def test_listing(arguments: list[str], capsys: pytest.CaptureFixture):
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    for entry in (*load_library().bases, *load_library().domains):
        assert entry.title in said
    (line,) = (line for line in said.splitlines() if line.startswith("  ffhq512 "))
    assert "not verified" in line
    assert "non-commercial" in line
    assert "378 MB" in line
    (line,) = (line for line in said.splitlines() if line.startswith("  datid3d-elf "))
    assert "for ffhq512" in line
    assert "about 378 MB" in line


def test_fetching_what_is_embedded_or_unknown(capsys: pytest.CaptureFixture):
    assert cli.main(["library", "fetch", "heads"]) == 0
    assert capsys.readouterr().out.strip() == str(ROOT / "checkpoints" / "heads")
    assert cli.main(["library", "fetch", "nothing"]) == 2
    assert "no base or domain called 'nothing'" in capsys.readouterr().err


def test_what_is_embedded_loads_and_fits(capsys: pytest.CaptureFixture):
    assert cli.main(["library", "check"]) == 0
    said = capsys.readouterr().out.splitlines()
    library = load_library()
    for base in library.bases:
        embedded = [entry for entry in library.domains_of(base.name) if entry.path is not None]
        expected = [f"{entry.name}: loads and fits {base.name}" for entry in embedded]
        assert (f"{base.name}: loads" in said) == (base.path is not None)
        assert [line for line in said if line.endswith(f" fits {base.name}")] == (expected if base.path else [])


def test_push_find_and_get(hub, tmp_path: Path):
    """huggingface_hub reads the address of the Hub and the token when it is imported: hence a process."""
    file = tmp_path / "mine.safetensors"
    weights = {"decoder.net.0.weight": torch.full((8, 4), 0.5).half()}
    Domain(weights, DomainMetadata("heads", "ab" * 32, "3d-adapter", license="CC0-1.0")).save(file)
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    environment |= {"HF_TOKEN": "hf_alice", "FILE": str(file)}
    environment.pop("HF_HUB_OFFLINE", None)
    code = """
import os
from adapter.__main__ import main
assert main(["library", "push", os.environ["FILE"], "alice/bronze", "--title", "Bronze"]) == 0
assert main(["library", "find"]) == 0
assert main(["library", "get", "alice/bronze"]) == 0
assert main(["library", "get", "alice/nothing"]) == 2
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    pushed, found, got = run.stdout.splitlines()
    assert pushed == f"{hub.url}/alice/bronze"
    assert found.split(maxsplit=1) == ["alice/bronze", "Bronze (for heads; CC0-1.0)"]
    assert Path(got).read_bytes() == file.read_bytes()
    assert "alice/nothing was not found" in run.stderr
