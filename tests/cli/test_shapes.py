"""``adapter mesh``, ``adapter walk`` and what ``adapter evaluate`` says about shapes."""

import json
import re
from pathlib import Path

import av
import pytest

from adapter import __main__ as cli
from adapter.meshes.reading import load_mesh
from adapter.service.worker import walk

SMALL = ["--resolution", "32", "--faces", "300", "--texture", "128"]


def test_meshes_of_a_ready_domain_take_its_base(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert cli.main(["mesh", "--out", str(tmp_path), "--domain", "bronze", "--seed", "3", *SMALL]) == 0
    files = capsys.readouterr().out.split()
    assert [Path(file).name for file in files] == ["source.glb", "target.glb", "source.ply", "target.ply"]
    assert len(load_mesh(files[0]).faces) <= 320
    assert cli.main(["mesh", "--check", files[0]]) == 0
    assert "a texture of 128 x 128 pixels" in capsys.readouterr().out


def test_a_walk_is_a_loop_with_the_frames_that_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(walk, "SIDE", 64)
    assert cli.main(["walk", "--out", str(tmp_path), "--base", "heads", "--people", "2", "--frames", "3"]) == 0
    with av.open(capsys.readouterr().out.strip()) as video:
        assert sum(1 for _ in video.decode(video=0)) == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mesh"], "--out"),
        (["mesh", "--check", "none.glb"], "cannot be read"),
        (["mesh", "--out", "x", "--domain", "nothing"], "nothing"),
        (["mesh", "--out", "x", "--strength", "1"], "--strength"),
        (["mesh", "--out", "x", "--resolution", "4"], "resolution"),
        (["walk", "--out", "x", "--people", "1"], "count"),
        (["evaluate", "--meshes", "--base", "ffhq512", "--out", "x"], "can be judged"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_path_lengths_are_measured_for_the_source_and_every_domain(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert cli.main(["evaluate", "--path-length", "--base", "heads", "--pairs", "2", "--out", str(tmp_path)]) == 0
    lengths = json.loads((tmp_path / "path_length.json").read_text())["lengths"]
    assert {"source", "bronze"} <= set(lengths)
    assert min(lengths.values()) > 0
    assert capsys.readouterr().out.strip() == (tmp_path / "path_length.md").read_text().strip()


@pytest.mark.slow
def test_silhouettes_of_meshes_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert cli.main(["evaluate", "--meshes", "--pairs", "1", "--out", str(tmp_path)]) == 0
    (median,) = re.findall(r"median (0\.\d+)", capsys.readouterr().out)
    assert float(median) > 0.9
