"""From words to a domain through a picture that a diffusion model draws."""

from pathlib import Path

import pytest
import torch

from adapter import DomainAdapter
from adapter.__main__ import main
from adapter.cli import adapt as cli_adapt
from adapter.eg3d import Generator
from adapter.errors import UserError
from adapter.pipeline import AdaptationSettings
from tests.helpers.tiny_base import CONFIG
from tests.helpers.tiny_encoder import make_encoder


@pytest.fixture(scope="module")
def tiny() -> DomainAdapter:
    torch.manual_seed(0)
    return DomainAdapter(Generator(CONFIG).eval().requires_grad_(False), make_encoder(layers=3))


def test_the_drawn_picture_guides_in_place_of_the_words(tiny: DomainAdapter, folder: Path):
    settings = AdaptationSettings(reference_from_text=str(folder), seed=3)
    guidance = tiny.guidance(prompt="a bronze statue", settings=settings)
    assert torch.equal(guidance.references, tiny.draw_reference("a bronze statue", folder, seed=3))
    assert not guidance.has_text
    assert guidance.prompt == "a bronze statue"


def test_a_model_that_is_not_here_is_a_sentence(tiny: DomainAdapter, tmp_path: Path):
    with pytest.raises(UserError, match="no diffusion pipeline"):
        tiny.adapt(prompt="a bronze statue", reference_from_text=str(tmp_path))


def test_the_command_line_asks_for_the_drawing(folder: Path, tmp_path: Path, monkeypatch, capsys):
    requests = []
    monkeypatch.setattr(cli_adapt, "adapt_job", lambda request: requests.append(request) or iter(()))
    words = ["adapt", "--prompt", "a golden retriever in a garden", "--out", str(tmp_path / "out")]
    assert main([*words, "--reference-from-text", str(folder)]) == 0
    assert requests[0].reference_from_text == str(folder)
    assert main([*words, "--reference-from-text", str(tmp_path)]) == 2
    assert "no diffusion pipeline" in capsys.readouterr().err
