from pathlib import Path

import numpy as np
import pytest
import torch

from adapter.training.faces import shards
from adapter.training.faces.crop import crop_matrix
from adapter.training.faces.dataset import RAW, SIZE, People, feature_regions
from adapter.training.faces.front_features import front_path
from adapter.training.faces.pose import Similarity
from adapter.training.faces.shards import Shard


def _template() -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 18), np.linspace(-0.6, 0.6, 26))
    jitter = np.random.default_rng(0).normal(0, 1e-3, (468, 2))
    return np.concatenate([np.stack([x.ravel(), y.ravel()], -1) + jitter, (x.ravel() ** 2)[:, None]], axis=1)


def _store(folder: Path, index: int, people: int = 2, views: int = 2) -> None:
    count, rng = people * views, np.random.default_rng(index)
    pose = Similarity(np.array([0.4]), np.eye(3)[None], np.array([[0.5, 0.5, 0.1]]))
    picture = np.full((SIZE, SIZE, 3), (200, 120, 60), np.uint8)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[40:, 60:200] = 255
    pictures, masks = shards.encode([picture] * count, ".jpg"), shards.encode([mask] * count, ".png")
    usable = np.ones(count, bool)
    usable[0] = False
    shard = Shard(
        z=rng.normal(size=(people, 512)).astype(np.float32),
        psi=np.full(people, 0.7, np.float32),
        w=np.tile(np.float32(np.arange(people) + 10 * index)[:, None], (1, 512)),
        asked=np.zeros((people, views, 2), np.float32),
        angles=np.tile(np.float32([[0.3, 0.1, 0.0]]), (count, 1)),
        scale=np.full(count, 0.4, np.float32),
        residual=np.full(count, 0.02, np.float32),
        score=np.full(count, 0.9, np.float32),
        usable=usable,
        landmarks=np.tile(pose.apply(_template()).astype(np.float32), (count, 1, 1)),
        matrix=np.tile(crop_matrix(pose, 512, SIZE).astype(np.float32), (count, 1, 1)),
        source=np.int32(512),
        picture=pictures[0],
        picture_ends=pictures[1],
        mask=masks[0],
        mask_ends=masks[1],
    )
    shards.save(shard, folder, index)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    folder = tmp_path_factory.mktemp("faces")
    _store(folder / "data", 0)
    _store(folder / "data", 1)
    for stem in ("people_0000", "people_0001"):
        for level, side in enumerate((4, 8)):
            path = front_path(folder / "prepared", stem, level)
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = np.arange(2, dtype=np.float16) + 10 * int(stem[-1])
            np.save(path, np.tile(rows[:, None, None, None], (1, 3, side, side)))
    return People(folder / "data", folder / "prepared", _template())


def test_people_of_all_shards_are_found_and_broken_ones_left_out(people):
    assert len(people) == 4
    assert people.whole.tolist() == [1, 3]
    assert people.w[:, 0].tolist() == [0, 1, 10, 11]
    assert people.view("color", 3, 1).shape == (SIZE, SIZE, 3)


def test_a_patch_is_the_part_of_the_picture_its_rays_pass_through(people):
    batch = people.batch(np.random.default_rng(0), 2, 2, 32)
    assert batch.color.shape == (4, 3, 128, 128)
    assert batch.depth.shape == (4, 1, 32, 32)
    corner = batch.points[:, 0] - 0.5 / RAW
    torch.testing.assert_close(corner, batch.origin[:, :2])
    for mask, (left, top, _) in zip(batch.mask, (batch.origin * SIZE).round().int().tolist(), strict=True):
        whole = torch.from_numpy(np.array(people.view("mask", 1, 0))).float() / 255
        torch.testing.assert_close(mask[0], whole[top : top + 128, left : left + 128])


def test_front_features_are_those_of_the_batchs_people(people):
    before, last = people.batch(np.random.default_rng(0), 2, 2, 32).front
    assert before.shape == (2, 3, 4, 4)
    assert last.shape == (2, 3, 8, 8)
    assert sorted(last[:, 0, 0, 0].tolist()) == [1, 11]
    assert torch.equal(before[:, 0, 0, 0], last[:, 0, 0, 0])


def test_an_overview_shows_everything_with_fewer_rays(people):
    batch = people.overview(np.random.default_rng(0), 2, 1)
    assert batch.color.shape == (2, 3, SIZE, SIZE)
    assert batch.points.shape == (2, 32 * 32, 2)
    assert batch.points.min() == 0.5 / 32
    assert batch.depth[:, :, 16, 16].min() > 2.5


def test_eyes_and_mouth_are_marked():
    points = np.random.default_rng(0).uniform(80, 180, (468, 2))
    marked = feature_regions(points)
    assert 0.01 < marked.mean() < 0.6
