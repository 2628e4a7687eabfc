"""Edits from readings: each moves its own by one standard deviation and others less."""

import json

import numpy as np
import pytest
import torch

from adapter.errors import UserError
from adapter.latents.directions import Direction, directions_in_w, edit_codes, save_directions
from adapter.latents.find_directions import LONGEST, UNIT, Found, Measured, find, scaled, told_apart
from adapter.latents.latent_space import LatentSpace
from adapter.latents.people import GROUPS, draw_mixed_people, looks, spread_over_rows
from tests.helpers.color_readings import ColorReadings

ABOUT = (("smile", "serious", "smiling"), ("age", "younger", "older"), ("noise", "less", "more"))


@pytest.fixture(scope="module")
def measured(tiny):
    """Coarse rows tell a reading, coarse and fine ones another that overlaps with it, and nothing tells a third."""
    space = LatentSpace.of(tiny)
    x = torch.stack([space.to_coordinates(w) for w in draw_mixed_people(tiny, 500, 4)])
    noise = torch.randn(500, generator=torch.Generator().manual_seed(4))
    values = torch.stack([x[:, 0, 0], x[:, 0, 0] + x[:, 3, 1], noise], dim=1).double().numpy()
    values[::7] = np.nan
    return Measured(x, values, ABOUT)


@pytest.fixture(scope="module")
def found(tiny, measured):
    return {one.name: one for one in find(tiny, measured)}


def test_only_what_rows_tell_is_offered(found) -> None:
    assert set(found) == {"smile", "age"}
    assert min(one.fit for one in found.values()) > 0.8


def test_each_moves_its_own_reading_most(tiny, found) -> None:
    space = LatentSpace.of(tiny)
    smile, age = (space.to_coordinates(space.mean + found[name].vector) for name in ("smile", "age"))
    assert smile.shape == (GROUPS, tiny.config.w_dim)
    assert float(smile[0, 0]) == pytest.approx(1, abs=0.2)
    # Without holding the other, each would drag it along by its correlation of 0.7.
    assert abs(float(smile[0, 0] + smile[3, 1])) < 0.4 * 2**0.5
    assert abs(float(age[0, 0])) < 0.4
    assert float(age[0, 0] + age[3, 1]) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("method", ["sefa", "axes"])
def test_other_directions_are_named_by_what_they_change(tiny, measured, method: str) -> None:
    directions = find(tiny, measured, method, 4)
    assert len({one.name for one in directions}) == 4
    if method == "axes":
        assert directions[0].name in ("smile", "age")


READINGS = ColorReadings.named(("red", "blue"))


def test_edits_that_are_tried_move_one_reading_each(tiny) -> None:
    readings, told = READINGS, []
    random = torch.Generator().manual_seed(1)
    mixed = [Found(*about, torch.randn(GROUPS, tiny.config.w_dim, generator=random), 1.0) for about in readings.about]
    apart = told_apart(tiny, mixed, readings, 3, amount=0.1, told=lambda *seen: told.append(seen))
    assert told[-1] == (3, 3)
    again = told_apart(tiny, apart, readings, 3, amount=0.05)
    # Another step hardly changes edits that do one thing each.
    for one, same in zip(apart, again, strict=True):
        assert float((one.vector - same.vector).norm() / one.vector.norm()) < 0.3


def test_people_are_rendered_and_read(tiny) -> None:
    told: list[tuple[int, int]] = []
    measured = Measured.of(tiny, READINGS, 3, 5, lambda done, count: told.append((done, count)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert measured.x.shape == (3, GROUPS, tiny.config.w_dim)
    w = next(draw_mixed_people(tiny, 1, 5))
    with torch.no_grad():
        (image,) = looks(tiny, spread_over_rows(w, tiny.config.num_ws)[None], [None])
    np.testing.assert_allclose(measured.values[0], READINGS.read(image), atol=1e-5)
    space = LatentSpace.of(tiny)
    torch.testing.assert_close(space.to_w(measured.x[0]), w, atol=1e-4, rtol=1e-3)


def test_no_edit_is_longer_than_people_are_apart(tiny) -> None:
    space = LatentSpace.of(tiny)
    long, short = scaled(
        [Found(name, "", "", k * space.axes[:1].expand(GROUPS, -1), 1.0) for name, k in (("a", 9.0), ("b", 0.5))], space
    )
    torch.testing.assert_close(long.vector, LONGEST * space.axes[:1].expand(GROUPS, -1), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(short.vector, 0.5 * UNIT * space.axes[:1].expand(GROUPS, -1))


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


def test_edits_of_groups_of_rows_are_kept_in_a_file_of_their_own(tiny, tmp_path) -> None:
    vectors = torch.randn(2, GROUPS, tiny.config.w_dim, generator=torch.Generator().manual_seed(0))
    names = (Direction("age", "younger", "older"), Direction("smile", "serious", "smiling"))
    path = save_directions(tmp_path, list(zip(names, vectors, strict=True)), {"people": 3})
    assert json.loads(path.read_text())["people"] == 3
    directions = directions_in_w(tiny, tmp_path)
    assert directions.all == names
    ws = tiny.sample_ws(torch.zeros(1, tiny.config.z_dim))
    moved = (edit_codes(ws, {"smile": 1.0}, directions) - ws)[0]
    expected = spread_over_rows(vectors[1], tiny.config.num_ws)
    torch.testing.assert_close(moved, expected, atol=5e-3, rtol=5e-3)  # kept in half precision
    save_directions(tmp_path / "fewer", [(names[0], vectors[0])], {})
    (tmp_path / "directions.safetensors").write_bytes((tmp_path / "fewer" / "directions.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"directions\.json is damaged"):
        directions_in_w(tiny, tmp_path)
