import math

import numpy as np
import torch

from adapter.training.clip.data import Features, augment
from adapter.training.clip.train import contrastive_loss, standardize, unknown_words


def test_loss_of_one_true_pair_each_is_clips() -> None:
    torch.manual_seed(0)
    image, text = (torch.nn.functional.normalize(torch.randn(5, 8), dim=1) for _ in range(2))
    logits = 7 * image @ text.T
    target = torch.arange(5)
    expected = torch.nn.functional.cross_entropy(logits, target) + torch.nn.functional.cross_entropy(logits.T, target)
    found = contrastive_loss(image, text, torch.eye(5, dtype=torch.bool), torch.tensor(7.0))
    torch.testing.assert_close(found, expected)


def test_loss_shares_evenly_among_true_pairs() -> None:
    image = torch.nn.functional.one_hot(torch.tensor([0, 0]), 2).float()
    true = torch.ones(2, 2, dtype=torch.bool)
    found = contrastive_loss(image, image, true, torch.tensor(10.0))
    assert math.isclose(found.item(), 2 * math.log(2), rel_tol=1e-5)


def test_texts_true_of_nothing_only_push() -> None:
    image, text = torch.tensor([[1.0, 0]]), torch.tensor([[1.0, 0], [0.8, 0.6]], requires_grad=True)
    loss = contrastive_loss(image, text, torch.tensor([[True, False]]), torch.tensor(5.0))
    loss.backward()
    assert torch.isfinite(loss)
    assert text.grad[1, 0] > 0


def test_standardise_centres_and_scales() -> None:
    class Head(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mlp = torch.nn.Module()
            self.mlp.fc1 = torch.nn.Linear(6, 3)

    torch.manual_seed(0)
    head = Head()
    weight, bias = head.mlp.fc1.weight.detach().clone(), head.mlp.fc1.bias.detach().clone()
    pooled = torch.randn(500, 2, 6) * torch.arange(1, 7) + 3
    spread = standardize(head, pooled)
    flat = pooled[:, 0]
    expected = ((flat - flat.mean(0)) / spread) @ weight.T + bias
    torch.testing.assert_close(head.mlp.fc1(flat), expected, atol=1e-4, rtol=1e-4)


def test_unknown_words_leave_the_vocabulary_out() -> None:
    words = set(unknown_words())
    assert len(words) > 10_000
    assert not words & {"bronze", "zombie", "glasses", "woman", "watercolour", "the"}
    assert {"banana", "tractor"} <= words


def test_augmentation_stays_in_range_and_is_reproducible() -> None:
    images = torch.rand(6, 3, 32, 32) * 2 - 1
    first, second = (augment(images, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == images.shape
    assert first.abs().max() <= 1
    assert (first - images).abs().mean() > 0.02


def test_features_part_and_join() -> None:
    from adapter.training.clip.data import join

    features = Features(np.zeros((4, 2, 3)), np.arange(4), np.zeros((4, 8)))
    parts = features.part(slice(0, 1)), features.part(slice(1, None))
    assert join(*parts).styles.tolist() == [0, 1, 2, 3]
