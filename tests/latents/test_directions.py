"""Named edits: what they move, what they leave alone, what they refuse."""

import json

import pytest
import torch

from adapter.eg3d import cameras_around_front
from adapter.errors import UserError
from adapter.latents.directions import available, edit, edit_codes, in_w, load_directions, read


@pytest.fixture(scope="module")
def directions():
    return load_directions("heads")


@pytest.fixture(scope="module")
def people():
    return torch.randn(6, 32, generator=torch.Generator().manual_seed(0))


def test_heads_carries_its_edits(directions) -> None:
    assert available("heads") == directions.names
    assert {"age", "beard", "glasses", "smile", "hair_length"} <= set(directions.names)
    assert all(one.low != one.high for one in directions.all)
    assert available("ffhq512") == ()


def test_an_edit_moves_one_coordinate_only(directions, people) -> None:
    before = read(people, directions)
    after = read(edit(people, {"age": 0.5, "glasses": 0.4}, directions), directions)
    for name in directions.names:
        wanted = {"age": 0.5, "glasses": 0.4}.get(name, 0.0)
        torch.testing.assert_close(after[name] - before[name], torch.full((6,), wanted), atol=2e-3, rtol=0)


def test_coordinates_are_the_ones_that_made_the_heads(directions, people) -> None:
    attributes = pytest.importorskip("adapter.synthetic.heads.attributes")
    for name in ("sex", "lipstick"):
        expected = [attributes.attribute_value(z.numpy(), name) for z in people]
        torch.testing.assert_close(read(people, directions)[name], torch.tensor(expected), check_dtype=False)


def test_nothing_asked_nothing_changed(directions, people) -> None:
    assert torch.equal(edit(people, {}, directions), people)
    assert torch.equal(edit(people, {"age": 0.0}, directions), people)


def test_edits_stop_at_the_limit_but_never_pull_back(directions, people) -> None:
    far = read(edit(people, {"age": 9.0}, directions), directions)["age"]
    torch.testing.assert_close(far, torch.full((6,), 2.5), atol=2e-3, rtol=0)
    extreme = directions.vectors[directions.index("age")][None] * 100  # its coordinate is beyond the limit already
    before = read(extreme, directions)["age"]
    assert before > 2.5
    assert read(edit(extreme, {"age": 1.0}, directions), directions)["age"] > 2.5


def test_edits_show_in_the_render(heads, directions, people) -> None:
    cameras = cameras_around_front(heads.config, torch.zeros(2), torch.zeros(2))
    ends = torch.cat([edit(people[:1], {"complexion": amount}, directions) for amount in (-2.0, 2.0)])
    with torch.no_grad():
        light, dark = heads.synthesis(heads.mapping(ends), cameras).image.mean((1, 2, 3))
    assert light > dark + 0.02


def test_edits_in_w_do_what_edits_in_z_do(heads, directions, people) -> None:
    moves = in_w(heads, directions, people=24)
    assert moves.vectors.shape == (len(directions.names), heads.config.num_ws, heads.config.w_dim)
    with torch.no_grad():
        ws = heads.mapping(people)
        for name in ("age", "hair_tone", "hair_length"):
            in_z = heads.mapping(edit(people, {name: 1.0}, directions)) - ws
            moved = edit_codes(ws, {name: 1.0}, moves) - ws
            agreement = torch.cosine_similarity(in_z.flatten(1), moved.flatten(1), dim=1)
            assert agreement.mean() > 0.6, name


def test_unknown_names_and_numbers_are_refused(directions, people) -> None:
    with pytest.raises(UserError, match="no edit named 'horns'"):
        edit(people, {"horns": 1.0}, directions)
    with pytest.raises(UserError, match="not a number"):
        edit(people, {"age": float("nan")}, directions)
    with pytest.raises(ValueError, match="space"):
        edit(people[:, :8], {"age": 1.0}, directions)
    with pytest.raises(ValueError, match="space"):
        edit_codes(torch.zeros(1, 6, 192), {"age": 1.0}, directions)


@pytest.mark.parametrize(
    "content",
    [
        {"directions": 3},
        {"directions": [{"name": "a", "low": "b", "high": "c"}]},
        {"directions": [{"name": "a", "low": "b", "high": "c", "vector": [2.0, 0.0]}]},
        {"directions": [{"name": "a", "low": "b", "high": "c", "vector": "text"}]},
    ],
)
def test_damaged_files_are_a_sentence(tmp_path, content) -> None:
    (tmp_path / "directions.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"directions\.json"):
        load_directions(tmp_path)
