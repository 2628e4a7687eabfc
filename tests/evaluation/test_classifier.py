"""The classifier's mechanics with made-up weights, and what the shipped one must know."""

from pathlib import Path

import pytest
import torch

from adapter.errors import UserError
from adapter.evaluation.classifier import CONFIG_FILE, FOLDER, WEIGHTS_FILE, load_classifier, pool_maps
from adapter.evaluation.domains import DOMAINS
from adapter.utils.storage import read_tensors, write_json, write_tensors


@pytest.fixture(scope="module")
def shipped():
    return load_classifier()


def test_features_are_means_and_deviations_over_places() -> None:
    maps = (torch.tensor([[[[1.0, 3.0], [1.0, 3.0]]]]), torch.full((1, 2, 1, 1), 5.0))
    assert pool_maps(maps).tolist() == [[2, 5, 5, 1, 0, 0]]


def test_features_do_not_depend_on_batches_or_size_of_the_set(classifier) -> None:
    images = torch.rand(34, 3, 128, 128) * 2 - 1
    whole = classifier.features(images)
    assert torch.allclose(whole.pooled[33:], classifier.features(images[33:]).pooled, atol=1e-4)
    assert whole.pooled.shape == (34, 1568)
    assert [stage.shape[1] for stage in whole.maps] == [16, 24, 40, 80, 112, 192, 320]


def test_the_highest_score_is_the_prediction(classifier) -> None:
    features = classifier.style_weight[[2, 0]] * 5
    assert classifier.predict(features, "style") == ["bronze", "orc"]
    assert classifier.attributes == ("glasses",)


def test_every_load_is_the_same_classifier(shipped) -> None:
    again = dict(load_classifier().named_buffers())
    assert all(torch.equal(tensor, again[name]) for name, tensor in shipped.named_buffers())


def test_the_shipped_classifier_has_every_domain_and_is_small(shipped) -> None:
    assert set(DOMAINS) <= set(shipped.styles)
    assert "plain" in shipped.styles
    assert set(shipped.attributes) == {"sex", "age", "hair colour", "glasses", "beard"}
    assert (FOLDER / WEIGHTS_FILE).stat().st_size < 8 << 20


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        load_classifier(tmp_path)
    tensors = read_tensors(FOLDER / WEIGHTS_FILE)
    write_json(tmp_path / CONFIG_FILE, {"answers": {"sex": ["man", "woman"]}})
    write_tensors(tmp_path / WEIGHTS_FILE, tensors)
    with pytest.raises(UserError, match="lacks the classifier's answers"):
        load_classifier(tmp_path)
    write_json(tmp_path / CONFIG_FILE, {"answers": {"style": ["a", "b"], "mood": ["good", "bad"]}})
    with pytest.raises(UserError, match="does not fit its settings"):
        load_classifier(tmp_path)
