import torch

from adapter.training.faces import backgrounds


def test_gray_is_the_same_in_every_channel():
    made = backgrounds.features(torch.full((2, 3, 4, 4), 0.88), 16)
    torch.testing.assert_close(made, torch.full((2, 16, 4, 4), 0.88))


def test_drawn_backgrounds_stay_in_range_and_differ():
    made = backgrounds.draw(32, 64, torch.Generator().manual_seed(0))
    assert made.shape == (32, 3, 64, 64)
    assert made.min() >= 0
    assert made.max() <= 1
    flat = made.flatten(2).std(dim=2).amax(dim=1) < 1e-6
    assert 5 < int(flat.sum()) < 25


def test_patches_are_cut_where_the_batch_says():
    pictures = torch.arange(64.0).expand(2, 3, 64, 64)
    made = backgrounds.cut(pictures, torch.tensor([[0.25, 0.5, 0.5], [0.0, 0.0, 0.5]]), 32, 64)
    assert made.shape == (2, 3, 32, 32)
    assert made[0, 0, 0, 0] == 16
    assert made[1, 0, 0, 0] == 0


def test_enlarging_keeps_plain_colors():
    assert (backgrounds.enlarge(torch.full((1, 3, 8, 8), 0.3), 4) == torch.tensor(0.3)).all()
    assert backgrounds.enlarge(torch.rand(1, 3, 8, 8), 4).shape == (1, 3, 32, 32)
