import numpy as np
import pytest

from adapter.training.faces import shards
from adapter.training.faces.shards import Shard


def _shard(people: int = 2, views: int = 3, size: int = 16) -> Shard:
    rng = np.random.default_rng(0)
    count = people * views
    smooth = np.linspace(0, 255, size, dtype=np.uint8)
    picture, picture_ends = shards.encode([np.stack([smooth[None].repeat(size, 0)] * 3, -1)] * count, ".jpg")
    masks = [rng.integers(0, 256, (size, size), dtype=np.uint8) for _ in range(count)]
    mask, mask_ends = shards.encode(masks, ".png")
    return Shard(
        z=rng.normal(size=(people, 512)).astype(np.float32),
        psi=rng.random(people).astype(np.float32),
        w=rng.normal(size=(people, 512)).astype(np.float32),
        asked=rng.normal(size=(people, views, 2)).astype(np.float32),
        angles=rng.normal(size=(count, 3)).astype(np.float32),
        scale=np.full(count, 0.4, np.float32),
        residual=np.full(count, 0.02, np.float32),
        score=np.full(count, 0.9, np.float32),
        usable=np.ones(count, bool),
        landmarks=rng.random((count, 468, 3)).astype(np.float32),
        matrix=np.tile(np.float32([[0.5, 0, 0], [0, 0.5, 0]]), (count, 1, 1)),
        source=np.int32(64),
        picture=picture,
        picture_ends=picture_ends,
        mask=mask,
        mask_ends=mask_ends,
    )


def test_a_shard_comes_back_as_it_went(tmp_path):
    shard = _shard()
    again = shards.load(shards.save(shard, tmp_path, 3))
    for name, value in vars(shard).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert again.pictures().shape == (6, 16, 16, 3)
    assert np.abs(again.pictures()[0, 0, :, 0].astype(int) - np.linspace(0, 255, 16)).max() < 6
    assert again.masks().shape == (6, 16, 16)
    assert again.views == 3
    assert again.valid(16).any()


def test_only_missing_shards_are_made_again(tmp_path):
    shards.save(_shard(), tmp_path, 1)
    (tmp_path / "people_0002.part").write_bytes(b"half")
    assert shards.missing(tmp_path, 4) == [0, 2, 3]
    assert [path.name for path in shards.found(tmp_path)] == ["people_0001.npz"]


def test_a_shard_that_fails_leaves_no_file(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OSError("no room")

    monkeypatch.setattr(shards.np, "savez", broken)
    with pytest.raises(OSError, match="no room"):
        shards.save(_shard(), tmp_path, 0)
    assert shards.missing(tmp_path, 1) == [0]
