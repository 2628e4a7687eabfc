"""The command line: the same job as the page, sentences instead of tracebacks."""

import argparse
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import SafetensorError
from skimage.data import astronaut

from adapter import __main__ as cli
from adapter.cli import adapt
from adapter.errors import UserError
from adapter.service.requests import DONE, AdaptResult, Update
from adapter.utils import storage

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "examples" / "mona-lisa.jpg"


def test_every_command_has_help_and_something_to_run():
    parser = cli.build_parser()
    choices = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction)).choices
    assert {"adapt", "convert"} <= set(choices)
    for name, command in choices.items():
        assert callable(command.get_default("run")), name
        assert command.format_help()


def test_user_errors_are_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture, tmp_path: Path):
    assert cli.main(["adapt", "--reference", str(tmp_path / "none.png"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said == ["none.png cannot be read. Check the name and try again."]
    assert not (tmp_path / "out").exists()


def test_words_that_are_not_understood_cost_no_time(capsys: pytest.CaptureFixture, tmp_path: Path):
    out = tmp_path / "out"
    assert cli.main(["adapt", "--prompt", "a golden retriever in a garden", "--out", str(out)]) == 2
    assert "Try: " in capsys.readouterr().err
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_a_sentence(capsys: pytest.CaptureFixture, tmp_path: Path):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    assert cli.main(["adapt", "--reference", str(REFERENCE), "--out", str(taken)]) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert "taken" in said
    assert said.endswith(".")


def test_wrong_arguments_exit_with_2(capsys: pytest.CaptureFixture):
    for arguments in ([], ["adapt"], ["adapt", "--reference", "x", "--out", "y", "--preset", "slow"], ["nothing"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 2
        assert "usage" in capsys.readouterr().err


def test_interrupting_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path):
    def interrupted(request):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(adapt, "adapt_job", interrupted)
    assert cli.main(["adapt", "--reference", str(REFERENCE), "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err.strip() == "Interrupted."


def test_arguments_reach_the_job_and_files_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
):
    requests = []

    def job(request):
        requests.append(request)
        yield Update("G2", 3, 10, 5.0, 0.3, preview=request.references[0])
        result = AdaptResult("domain", "grid", "before", "after", "orbit", ("person-1",), 10, {})
        yield Update(DONE, fraction=1.0, result=result)

    monkeypatch.setattr(adapt, "adapt_job", job)
    wide = tmp_path / "astronaut.png"
    Image.fromarray(astronaut()).save(wide)
    arguments = ["adapt", "--reference", str(wide), "--out", str(tmp_path), "--preset", "quick"]
    assert cli.main([*arguments, "--seed", "9", "--strength", "0.5", "--people", "5"]) == 0
    request = requests[0]
    assert (request.preset, request.seed, request.strength, request.people) == ("quick", 9, 0.5, 5)
    height, width, channels = request.references[0].shape
    assert height == width < 512  # the square around the face
    assert channels == 3
    captured = capsys.readouterr()
    assert captured.out.split() == ["orbit", "person-1", "grid", "before", "after", "domain"]
    assert "G2 3/10" in captured.err

    assert cli.main([*arguments, "--crop", "middle"]) == 0
    assert requests[1].references[0].shape == (512, 512, 3)


def test_a_job_that_fails_midway_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
):
    def failing(request):
        yield Update("G2", 1, 10)
        raise UserError("The disk is full. Free some space.")

    monkeypatch.setattr(adapt, "adapt_job", failing)
    assert cli.main(["adapt", "--reference", str(REFERENCE), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.strip().endswith("The disk is full. Free some space.")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Denied", "x")])
def test_errors_of_the_disk_are_a_sentence(monkeypatch, capsys: pytest.CaptureFixture, tmp_path: Path, error: OSError):
    def failing(request):
        raise error
        yield

    monkeypatch.setattr(adapt, "adapt_job", failing)
    assert cli.main(["adapt", "--reference", str(REFERENCE), "--out", str(tmp_path)]) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert error.strerror in said
    assert said.endswith(".")


def test_a_full_disk_is_no_traceback(capsys: pytest.CaptureFixture, monkeypatch, tmp_path: Path):
    def full(*arguments, **options):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    def writing(request):
        storage.write_tensors(tmp_path / "a.safetensors", {"a": torch.zeros(1)})
        yield

    monkeypatch.setattr(storage, "save_file", full)
    monkeypatch.setattr(adapt, "adapt_job", writing)
    assert cli.main(["adapt", "--reference", str(REFERENCE), "--out", str(tmp_path)]) == 2
    assert "No space left" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path):
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "adapter",
        "adapt",
        "--reference",
        str(REFERENCE),
        "--out",
        str(out),
        "--preset",
        "draft",
    ]
    # A shell's background jobs ignore interrupts, and hand that down to what they start.
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=heeds)
    try:
        for line in process.stderr:
            if "Preparing" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 130
    finally:
        process.kill()
    assert "Traceback" not in process.stderr.read()
    assert list(out.iterdir()) == []
