"""Directions from measures: each moves its own measure by one standard deviation and others less."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from adapter.errors import UserError
from adapter.latents import find_directions
from adapter.latents.directions import directions_in_w, edit_codes
from adapter.latents.find_directions import Measured, find
from adapter.latents.latent_space import LatentSpace

ABOUT = (("smile", "serious", "smiling"), ("age", "younger", "older"), ("noise", "less", "more"))


@pytest.fixture(scope="module")
def measured(tiny):
    """Two measures that overlap in w, and one that has nothing to do with it."""
    random = torch.Generator().manual_seed(4)
    w = tiny.sample_ws(torch.randn(600, tiny.config.z_dim, generator=random))[:, 0]
    space = LatentSpace.of(tiny)
    x = space.to_coordinates(w)
    noise = torch.randn(600, generator=random)
    values = torch.stack([x[:, 0], x[:, 0] + x[:, 1], noise], dim=1).double().numpy()
    values[::7, 1] = np.nan
    return Measured(w, values, ABOUT)


@pytest.fixture(scope="module")
def found(tiny, measured):
    return {one.name: one for one in find(tiny, measured)}


def test_only_what_w_tells_is_offered(found) -> None:
    assert set(found) == {"smile", "age"}
    assert min(one.fit for one in found.values()) > 0.8


def test_each_moves_its_own_measure_most(tiny, found) -> None:
    space = LatentSpace.of(tiny)
    smile, age = (space.to_coordinates(space.mean + found[name].vector) for name in ("smile", "age"))
    assert float(smile[0]) == pytest.approx(1, abs=0.2)
    # Without holding the other, each would drag it along by its correlation of 0.7.
    assert abs(float(smile[0] + smile[1])) < 0.45 * 2**0.5
    assert abs(float(age[0])) < 0.45
    assert float(age[0] + age[1]) == pytest.approx(2**0.5, abs=0.3)


@pytest.mark.parametrize("method", ["sefa", "axes"])
def test_other_directions_are_named_by_what_they_change(tiny, measured, method: str) -> None:
    directions = find(tiny, measured, method, 4)
    assert len({one.name for one in directions}) == 4
    if method == "axes":
        assert directions[0].name in ("smile", "age")


def test_labels_count_for_the_first_people(measured, tmp_path) -> None:
    labels = [{"name": "glasses", "low": "no glasses", "high": "glasses", "values": [1, None, 0]}]
    (tmp_path / "labels.json").write_text(json.dumps({"labels": labels}))
    both = measured.with_labels(tmp_path / "labels.json")
    assert both.about[-1] == ("glasses", "no glasses", "glasses")
    np.testing.assert_array_equal(both.values[:4, -1], [1, np.nan, 0, np.nan])
    assert measured.with_labels(tmp_path / "missing.json") is measured
    (tmp_path / "labels.json").write_text(json.dumps({"labels": [{"name": "age"}]}))
    with pytest.raises(UserError, match="damaged"):
        measured.with_labels(tmp_path / "labels.json")


def test_people_are_rendered_and_measured(tiny, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(find_directions, "measure", lambda picture: seen.append(picture.shape) or np.array([1.0]))
    monkeypatch.setattr(find_directions, "MEASURES", (SimpleNamespace(name="a", low="b", high="c"),))
    told: list[tuple[int, int]] = []
    measured = Measured.of(tiny, 3, progress=lambda done, count: told.append((done, count)))
    assert seen == [(32, 32, 3)] * 3
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert measured.w.shape == (find_directions.LABELLED, tiny.config.w_dim)
    assert np.isfinite(measured.values[:, 0]).sum() == 3


def test_a_file_of_w_directions_is_read(tiny, tmp_path) -> None:
    vector = torch.randn(tiny.config.w_dim, generator=torch.Generator().manual_seed(0))
    entries = [{"name": "age", "low": "younger", "high": "older", "vector": vector.tolist()}]
    path = tmp_path / "directions.json"
    path.write_text(json.dumps({"space": "w", "directions": entries}))
    directions = directions_in_w(tiny, tmp_path)
    ws = tiny.sample_ws(torch.zeros(1, tiny.config.z_dim))
    moved = edit_codes(ws, {"age": 2.0}, directions)
    torch.testing.assert_close(moved - ws, 2 * vector.expand_as(ws), atol=1e-5, rtol=1e-5)
    path.write_text(json.dumps({"space": "w", "directions": [{**entries[0], "vector": [1.0]}]}))
    with pytest.raises(UserError, match="another base"):
        directions_in_w(tiny, tmp_path)
    assert directions_in_w(tiny, tmp_path / "nowhere") is None
