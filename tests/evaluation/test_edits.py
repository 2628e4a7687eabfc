"""The evaluation of edits: own measure, the others, the person, and other worlds."""

import numpy as np
import pytest
import torch

from adapter.eg3d import Generator
from adapter.encoders.lpips import load_lpips
from adapter.evaluation.edit_figure import COLUMNS, SIDE, edits_figure
from adapter.evaluation.edits import EditScore, correlation, edits_table, evaluate_edits
from adapter.latents.directions import Direction, Directions
from tests.helpers.color_readings import ColorReadings
from tests.helpers.tiny_base import CONFIG

READINGS = ColorReadings.named(("smile", "brows"))


def test_edits_are_scored() -> None:
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval().requires_grad_(False)
    names = ("smile", "sex")
    vectors = torch.stack([torch.ones(1, CONFIG.w_dim), torch.zeros(1, CONFIG.w_dim)])
    directions = Directions("w", tuple(Direction(name, "less", "more") for name in names), vectors)
    told = []
    first, second = evaluate_edits(
        generator,
        directions,
        {"same": generator.parts()},
        load_lpips(),
        READINGS,
        2,
        3,
        lambda *seen: told.append(seen),
    )
    assert first.own != 0
    assert first.correlations["same"] == pytest.approx(1)
    assert np.isnan(second.own)
    assert second.other == 0
    assert second.identified == 1
    assert told[-1] == ("people", 2, 2)


def test_correlation_is_of_what_both_know() -> None:
    a = np.array([[1.0, 2.0], [3.0, np.nan]])
    assert correlation(a, 5 - 2 * a) == pytest.approx(-1)
    assert np.isnan(correlation(a[:1], a[:1]))


def test_the_table_counts_what_reaches_the_goals() -> None:
    scores = (
        EditScore("smile", 3.2, 0.12, "brows", 1.0, {"jade": 0.91}),
        EditScore("brows", 1.1, 0.31, "smile", 0.8, {"jade": 0.62}),
        EditScore("sex", float("nan"), 0.4, "jaw_width", 1.0, {"jade": 0.85}),
    )
    text = edits_table(scores)
    assert "| smile | 3.2 | 12 % | brows | 100 % | 0.91 |" in text
    assert "| sex | – | 0.4 | jaw_width | 100 % | 0.85 |" in text
    assert "1 of 2 edits" in text
    assert "2 of 3, 93% together" in text
    assert "2 of 3." in text


def test_the_figure_has_a_row_for_each_world() -> None:
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval().requires_grad_(False)
    directions = Directions("w", (Direction("smile", "less", "more"),), torch.ones(1, 1, CONFIG.w_dim))
    one, two = (edits_figure(generator, directions, dict.fromkeys(names, generator.parts())) for names in ("a", "ab"))
    assert two.shape[0] > one.shape[0] > 2 * SIDE
    assert two.shape[1] == one.shape[1] > len(COLUMNS) * SIDE
