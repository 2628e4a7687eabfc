"""Training of the inverter on a tiny base: data, statistics, learning, resuming."""

import dataclasses

import numpy as np
import pytest
import torch

from adapter.eg3d import Generator
from adapter.encoders import load_encoder
from adapter.latents.wplus_encoder import new_inverter
from adapter.training.inverter import data
from adapter.training.inverter.card import write_card
from adapter.training.inverter.evaluate import held_out
from adapter.training.inverter.train import Settings, measure, train
from tests.helpers.tiny_base import CONFIG

SMALL = dataclasses.replace(CONFIG, mapping_lr_multiplier=1.0, first_resolution=8)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(SMALL).eval().requires_grad_(False)


@pytest.fixture
def inverter(generator):
    return new_inverter("tiny", "f" * 64, generator.config, load_encoder("clip-heads"))


@pytest.fixture
def pairs(generator, inverter, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "PEOPLE_PER_SHARD", 4)
    return data.generated(tmp_path, generator, "f" * 64, inverter.encoder, inverter.config, 8, 1, lambda line: None)


def codes(generator, pairs):
    return data.codes(generator, *(torch.from_numpy(x) for x in (pairs.first, pairs.second, pairs.split)))


def test_mixed_people_have_rows_of_two_latents(generator) -> None:
    first, second = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    ws = data.codes(generator, first, second, torch.tensor([4, 1, 2]))
    one, two = generator.mapping(first), generator.mapping(second)
    assert torch.equal(ws[0], one[0])
    assert torch.equal(ws[1], torch.cat([one[1, :1], two[1, 1:]]))
    assert torch.equal(ws[2], torch.cat([one[2, :2], two[2, 2:]]))


def test_draws_keep_to_their_ranges_and_shards_differ() -> None:
    first, _, split, angles = data.draw(SMALL, 200, 1, 0)
    assert angles[..., 0].abs().max() <= data.YAW
    assert angles[..., 1].abs().max() <= data.PITCH
    assert 0.1 < (split < SMALL.num_ws).float().mean() < 0.4
    assert not torch.equal(first, data.draw(SMALL, 200, 1, 1)[0])


def test_finished_shards_are_not_made_again(generator, inverter, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(data, "PEOPLE_PER_SHARD", 4)
    lines = []
    make = lambda: data.generated(  # noqa: E731
        tmp_path, generator, "f" * 64, inverter.encoder, inverter.config, 8, 1, lines.append
    )
    once = make()
    (tmp_path / "generated-ffffffffffff-1-001.npz").unlink()
    again = make()
    assert len(lines) == 3
    assert len(once) == 8 * data.VIEWS
    assert np.array_equal(once.near, again.near)


def test_without_true_renders_there_are_none(inverter, tmp_path) -> None:
    assert data.rendered(tmp_path, tmp_path, inverter.encoder, inverter.config, 10, print) is None


def test_true_renders_become_pairs(inverter, tmp_path) -> None:
    folder = tmp_path / "renders"
    folder.mkdir()
    rng = np.random.default_rng(0)
    np.save(folder / "color.npy", rng.integers(0, 255, (3, 2, 32, 32, 3), np.uint8))
    np.save(folder / "angles.npy", rng.normal(size=(3, 2, 2)).astype(np.float32))
    np.save(folder / "latents.npy", rng.normal(size=(3, 8)).astype(np.float32))
    (folder / "dataset.json").write_text("{}")
    pairs = data.rendered(tmp_path, folder, inverter.encoder, inverter.config, 3, lambda line: None)
    assert len(pairs) == 3
    assert np.array_equal(pairs.angles, np.load(folder / "angles.npy")[:, 0])
    assert np.array_equal(pairs.first, np.load(folder / "latents.npy"))


def test_it_learns_what_it_is_shown(generator, inverter, pairs, tmp_path) -> None:
    ws = codes(generator, pairs)
    measure(inverter.head, pairs, ws, generator.backbone.mapping.w_avg)
    near, far = torch.from_numpy(pairs.near).float(), torch.from_numpy(pairs.far).float()

    def error() -> float:
        with torch.no_grad():
            return float(((inverter.head(near, far)[0] - ws) / inverter.head.w_spread).square().mean())

    before = error()
    settings = Settings(steps=80, batch=16, warmup=5, save_every=40)
    train(inverter.head, pairs, ws, settings, tmp_path / "state.safetensors", "run", lambda line: None)
    assert before == pytest.approx(1, abs=0.1)
    assert error() < 0.4 * before


def test_an_interrupted_run_ends_the_same(generator, pairs, tmp_path) -> None:
    ws = codes(generator, pairs)
    heads = []
    for stops in ((8,), (4, 8)):
        for steps in stops:
            head = new_inverter("tiny", "", generator.config, load_encoder("clip-heads")).head
            measure(head, pairs, ws, generator.backbone.mapping.w_avg)
            settings = Settings(steps=8, batch=4, save_every=4)
            state = tmp_path / f"{len(stops)}.safetensors"
            report = _stop_after(steps) if steps < 8 else lambda line: None
            try:
                with pytest.MonkeyPatch.context() as patch:
                    if steps < 8:
                        patch.setattr("adapter.training.inverter.train._save", _saving_then(report))
                    train(head, pairs, ws, settings, state, "run", lambda line: None)
            except InterruptedError:
                continue
        heads.append(head)
    for one, other in zip(heads[0].parameters(), heads[1].parameters(), strict=True):
        torch.testing.assert_close(one, other)


def _stop_after(step: int):
    def stop(done: int) -> None:
        if done == step:
            raise InterruptedError

    return stop


def _saving_then(stop):
    from adapter.training.inverter.train import _save

    def save(head, optimizer, state, identity, step):
        _save(head, optimizer, state, identity, step)
        stop(step)

    return save


def test_a_state_of_another_run_is_not_taken_up(generator, inverter, pairs, tmp_path) -> None:
    ws = codes(generator, pairs)
    measure(inverter.head, pairs, ws, generator.backbone.mapping.w_avg)
    settings = Settings(steps=2, batch=4, save_every=2)
    train(inverter.head, pairs, ws, settings, tmp_path / "s.safetensors", "one", lambda line: None)
    moved = inverter.head.hidden.weight.clone()
    train(inverter.head, pairs, ws, settings, tmp_path / "s.safetensors", "one", lambda line: None)
    assert torch.equal(moved, inverter.head.hidden.weight)  # finished already
    train(inverter.head, pairs, ws, settings, tmp_path / "s.safetensors", "two", lambda line: None)
    assert not torch.equal(moved, inverter.head.hidden.weight)


def test_rates_rise_and_fall() -> None:
    settings = Settings(steps=100, warmup=10)
    rates = [settings.rate_at(step) for step in range(100)]
    assert rates[0] < rates[9]
    assert max(rates) <= settings.rate
    assert rates[-1] < 0.02 * settings.rate


def test_measurements_of_an_untrained_one_are_those_of_the_mean(generator, inverter) -> None:
    inverter.head.w_avg.copy_(generator.backbone.mapping.w_avg)
    found = held_out(inverter, generator, people=4)
    assert found["w error, share of the mean's"] == pytest.approx(1, abs=1e-4)
    assert found["PSNR"] == pytest.approx(found["PSNR, mean person"], abs=1e-3)
    assert 0 <= found["identity retrieval"] <= 1


def test_the_card_names_every_number() -> None:
    facts = dict.fromkeys(
        ("parameters", "generated", "rendered", "num_ws", "yaw", "pitch", "people", "heads", "mixed", "command"), 1
    )
    text = write_card(facts | {"base": "heads", "steps": "3", "fingerprint": "abc"}, {"PSNR": 20.5}, {"other": 1.25})
    assert "| PSNR | 20.500 |" in text
    assert "| other | 1.250 |" in text
