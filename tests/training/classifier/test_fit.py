"""Heads on features that can be separated by construction."""

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from adapter.synthetic.heads.facts import FACTS
from adapter.training.classifier.data import VERSIONS, Features
from adapter.training.classifier.fit import fit_heads, logistic


def test_separable_classes_are_separated_even_where_one_is_rare() -> None:
    random = torch.Generator().manual_seed(0)
    classes = [0] * 180 + [1] * 60 + [2] * 6
    centres = torch.tensor([[3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]])
    features = centres[classes] + 0.5 * torch.randn(len(classes), 3, generator=random)
    weight, bias = logistic(features, classes, 4)
    assert weight.shape == (4, 3)
    answers = (features @ weight.T + bias).argmax(dim=1)
    for value in range(3):
        chosen = torch.tensor(classes) == value
        assert (answers[chosen] == value).float().mean() > 0.95


def test_all_heads_are_made_and_features_are_standardised() -> None:
    rng = np.random.default_rng(0)
    styles = np.arange(40) % 2
    pooled = rng.normal(size=(40, VERSIONS, 5)) * 3 + 7
    pooled[..., 0] += 40 * styles[:, None]
    facts = np.zeros((40, len(FACTS)), np.uint8)
    facts[:, list(FACTS).index("glasses")] = styles
    training = Features(pooled.astype(np.float16), styles.astype(np.int16), np.arange(40, dtype=np.int32), facts)
    heads = fit_heads(training, {"style": ("plain", "orc"), "glasses": ("no", "yes")}, lambda line: None)
    assert set(heads) == {"mean", "deviation", "style.weight", "style.bias", "glasses.weight", "glasses.bias"}
    raw = torch.from_numpy(pooled[:, 0]).float()
    features = (raw - heads["mean"]) / heads["deviation"]
    assert features.std(dim=0).mean() == pytest.approx(1, abs=0.2)
    answers = (features @ heads["style.weight"].T + heads["style.bias"]).argmax(dim=1)
    assert (answers.numpy() == styles).all()
