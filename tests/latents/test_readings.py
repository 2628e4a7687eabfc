"""Readings that are counted beyond those before them."""

import json

import numpy as np
import pytest
import torch

from adapter.latents import readings as module
from adapter.latents.measures import Measure
from adapter.latents.people import draw_people, looks
from adapter.latents.readings import Readings


@pytest.fixture(autouse=True)
def colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean red, and mean blue with much of the red in it, in place of the mesh's measures."""

    def measure(picture: np.ndarray) -> np.ndarray:
        red, _, blue = picture.reshape(-1, 3).mean(axis=0)
        return np.array([red, 0.2 * blue + 3 * red])

    monkeypatch.setattr(module, "measure", measure)
    monkeypatch.setattr(
        module, "MEASURES", (Measure("red", "less", "more", float), Measure("both", "less", "more", float))
    )


@torch.no_grad()
def pictures(tiny, count: int) -> list[torch.Tensor]:
    return [looks(tiny, ws, [None])[0] for ws in draw_people(tiny, count)]


def test_readings_of_people_are_uncorrelated_and_of_unit_spread(tiny) -> None:
    told = []
    readings = Readings.of(tiny, people=12, told=lambda *seen: told.append(seen))
    assert told[-1] == (12, 12)
    assert readings.names == ("red", "both")
    seen = np.stack([readings.read(image) for image in pictures(tiny, 12)])
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(seen.T), np.eye(2), atol=1e-3)


def test_what_goes_with_an_earlier_reading_does_not_count(tiny) -> None:
    readings = Readings.of(tiny, people=12)
    (image,) = pictures(tiny, 1)
    redder = image.clone()
    redder[:, 0] -= 0.2
    change = readings.read(redder) - readings.read(image)
    raw = np.linalg.inv(readings.unmix) @ change
    assert raw[1] == pytest.approx(3 * raw[0], rel=1e-6)
    assert abs(change[0]) > 0.1


def test_labels_follow_expressions_and_are_read_of_pictures(tiny, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXPRESSIONS", 1)
    reds = [float(image[:, 0].mean()) for image in pictures(tiny, 12)]
    label = {"name": "reddish", "low": "no", "high": "yes", "values": [*reds[:9], None]}
    (tmp_path / "labels.json").write_text(json.dumps({"labels": [label]}))
    readings = Readings.of(tiny, tmp_path, people=12)
    assert readings.names == ("red", "reddish", "both")
    seen = np.stack([readings.read(image) for image in pictures(tiny, 9)]) @ np.linalg.inv(readings.unmix).T
    assert np.corrcoef(seen[:, 1], reds[:9])[0, 1] > 0.8


def test_without_a_face_nothing_is_read(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "measure", lambda picture: np.full(2, np.nan))
    readings = Readings.of(tiny, people=3)
    assert np.isnan(readings.read(torch.zeros(1, 3, 32, 32))).all()
