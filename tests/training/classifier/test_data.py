"""Feature shards: what they hold, and that a stopped run goes on."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from adapter.errors import UserError
from adapter.training.classifier import data


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "HEADS_PER_SHARD", 2)
    monkeypatch.setattr(data, "SIZE", 32)
    monkeypatch.setattr(data, "_features", lambda trunk, images, generator: np.stack([_flat(i) for i in images]))


def _flat(image: np.ndarray) -> np.ndarray:
    return np.repeat(image.mean(axis=(0, 1))[None], data.VERSIONS, axis=0).astype(np.float16)


def test_shards_hold_each_head_plain_and_in_ten_styles(tmp_path: Path, small: None) -> None:
    said: list[str] = []
    data.make_features(tmp_path, None, 4, 9, said.append)
    features = data.load(data.shards(tmp_path, 4, 9))
    assert len(said) == 2
    assert np.bincount(features.people).tolist() == [11] * 4
    for person in range(4):
        mine = features.styles[features.people == person]
        assert (mine == 0).sum() == 1
        assert len(set(mine[mine > 0])) == 10
    assert (features.facts[features.people == 1] == features.facts[features.people == 1][0]).all()
    assert len({row.tobytes() for row in features.pooled}) > 40


def test_finished_shards_are_kept_and_missing_ones_are_said(tmp_path: Path, small: None) -> None:
    said: list[str] = []
    data.make_features(tmp_path, None, 2, 9, said.append)
    with pytest.raises(UserError, match="is missing"):
        data.load(data.shards(tmp_path, 4, 9))
    data.make_features(tmp_path, None, 4, 9, said.append)
    assert len(said) == 2
