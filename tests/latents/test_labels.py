"""Labels of people, read of what a network sees of others."""

import json

import numpy as np
import pytest
import torch

from adapter.encoders.vgg import load_vgg
from adapter.errors import UserError
from adapter.latents.labels import GRID, LabelReader, Labels, label_features, read_by_others


@pytest.fixture(scope="module")
def labelled():
    """Two labels that features tell, one of them unknown for some people."""
    features = torch.randn(80, 120, generator=torch.Generator().manual_seed(0)) * 3 + 1
    labels = np.stack([features[:, 0] > 1, 2 * features[:, 1] + 5], axis=1).astype(np.float64)
    features[:, 2:] *= 0.1  # normalized away
    labels[::9, 0] = np.nan
    return features, labels


def test_a_file_of_labels_is_read(tmp_path) -> None:
    path = tmp_path / "labels.json"
    assert Labels.load(path) is None
    labels = [{"name": "glasses", "low": "no glasses", "high": "glasses", "values": [1, None, 0]}]
    path.write_text(json.dumps({"labels": labels}))
    found = Labels.load(path)
    assert found.about == (("glasses", "no glasses", "glasses"),)
    np.testing.assert_array_equal(found.values, [[1], [np.nan], [0]])


@pytest.mark.parametrize("labels", [[{"name": "age"}], 3, [{"name": "a", "low": "b", "high": "c", "values": ["x"]}]])
def test_a_damaged_file_is_a_sentence(tmp_path, labels) -> None:
    (tmp_path / "labels.json").write_text(json.dumps({"labels": labels}))
    with pytest.raises(UserError, match=r"labels\.json is damaged"):
        Labels.load(tmp_path / "labels.json")


def test_the_reader_tells_its_own_people_and_others_less(labelled) -> None:
    features, labels = labelled
    known = np.isfinite(labels[:, 0])
    own, others = LabelReader.fit(features, labels).read(features), read_by_others(features, labels)
    for read, least in ((own, 0.9), (others, 0.2)):
        assert np.corrcoef(read[known, 0], labels[known, 0])[0, 1] > least
        assert np.corrcoef(read[:, 1], labels[:, 1])[0, 1] > least
    assert np.abs(others[:, 1] - labels[:, 1]).mean() > np.abs(own[:, 1] - labels[:, 1]).mean()


def test_features_tell_where_something_is() -> None:
    vgg = load_vgg()
    images = torch.full((2, 3, 64, 64), 0.5)
    images[1, :, :32, :32] = -0.5
    features = label_features(vgg, images)
    assert features.shape == (2, 256 * GRID**2)
    changed = (features[1] - features[0]).abs().view(256, GRID, GRID).sum(dim=0)
    assert changed[:3, :3].mean() > 5 * changed[6:, 6:].mean()
