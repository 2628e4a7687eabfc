"""What the check of a GPU says; it runs whole on the pretend device, see `tests/gpu`."""

import pytest
import torch

from adapter.eg3d import Generator
from adapter.evaluation import gpu_check
from tests.helpers.tiny_base import CONFIG


def test_without_a_gpu_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main([]) == 2
    assert "Install a build of it for CUDA" in capsys.readouterr().out


def test_a_difference_that_is_too_large_fails(capsys: pytest.CaptureFixture):
    comparisons = [("pictures", 1e-4, 2e-3), ("gradients", 0.5, 5e-2), ("depths", float("nan"), 1.0)]
    assert gpu_check.report(iter(comparisons))
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["ok", "FAILED", "FAILED"]
    assert not gpu_check.report(iter(comparisons[:1]))


def test_a_cpu_agrees_with_itself_in_fp32():
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval().requires_grad_(False)
    compared = {what: difference for what, difference, _ in gpu_check.compare(generator, torch.device("cpu"))}
    assert max(compared["pictures in float32"], compared["gradient in float32"]) < 1e-6
    assert 0 < compared["pictures in bfloat16"] < gpu_check.ROUNDED
    assert 0 < compared["gradient in bfloat16"] < gpu_check.GRADIENT
