"""The evaluation of inversions: people of a base come back, and the table tells medians."""

import dataclasses

import pytest
import torch

from adapter.eg3d import Generator
from adapter.encoders.lpips import load_lpips
from adapter.evaluation import portraits
from adapter.evaluation.inversion import InversionEvaluation, InversionScore, table
from adapter.latents.inversion import InversionSettings
from adapter.latents.pivotal import TuningSettings
from adapter.media.alignment import HEADS
from adapter.media.examples import FOLDER
from adapter.media.images import load_image
from tests.helpers.tiny_base import CONFIG


@pytest.fixture(scope="module")
def evaluation() -> InversionEvaluation:
    torch.manual_seed(0)
    generator = Generator(dataclasses.replace(CONFIG, mapping_lr_multiplier=1.0)).eval().requires_grad_(False)
    settings = InversionSettings(steps=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portraits, "find_faces", lambda picture: [])
        yield InversionEvaluation(generator, load_lpips(), settings, TuningSettings(steps=2), crowd=3)


def test_people_of_the_base_are_scored(evaluation: InversionEvaluation) -> None:
    scores = list(evaluation.own_people(2))
    assert len(scores) == 2
    for score in scores:
        assert score.psnr > 5
        assert score.psnr_turned > 5
        assert 0 <= score.lpips < 2
        assert score.is_identified in (True, False)


def test_pictures_from_outside_have_no_other_views(evaluation: InversionEvaluation) -> None:
    (score,) = evaluation.pictures([load_image(FOLDER / "astronaut.jpg")], HEADS)
    assert score.is_identified is None
    assert score.psnr != score.psnr  # NaN


def test_the_table_tells_medians() -> None:
    own = [InversionScore(seconds, 0.1, 0.01, psnr, 23.0, True) for seconds, psnr in ((10, 26), (20, 28), (60, 35))]
    text = table({"own": own, "outside": [InversionScore(5.0, 0.3, float("nan"))]})
    assert "| own | 3 | 0.100 | 0.010 | 28.0 | 23.0 | 100 % | 20 |" in text
    assert "| outside | 1 | 0.300 | nan | – | – | – | 5 |" in text
