import torch

from adapter.training.faces.perceptual import CHANNELS, Lpips


def _lpips(levels: tuple[int, ...]) -> Lpips:
    random = torch.Generator().manual_seed(0)
    tensors, inputs = {}, 3
    for number, channels in enumerate(width for width in CHANNELS if width):
        tensors[f"{number}.weight"] = torch.randn(channels, inputs, 3, 3, generator=random) / (3 * inputs**0.5)
        tensors[f"{number}.bias"] = torch.zeros(channels)
        inputs = channels
    widths = (64, 128, 256, 512, 512)
    heads = {f"lin{k}.model.1.weight": torch.rand(1, width, 1, 1, generator=random) for k, width in enumerate(widths)}
    return Lpips(tensors, heads, levels)


def test_distance_is_zero_for_equals_and_grows_with_the_difference():
    perceive = _lpips((1, 2))
    truth = torch.rand(2, 3, 32, 32) * 2 - 1
    near = perceive(truth + 0.05 * torch.randn_like(truth), truth)
    far = perceive(truth + 0.5 * torch.randn_like(truth), truth)
    assert perceive(truth, truth).abs().max() < 1e-6
    assert (near < far).all()


def test_all_levels_add_up_and_gradients_reach_the_images():
    truth = torch.rand(1, 3, 32, 32) * 2 - 1
    image = (truth + 0.1).requires_grad_()
    whole = _lpips((0, 1, 2, 3, 4))(image, truth)
    parts = sum(_lpips((level,))(image, truth) for level in range(5))
    torch.testing.assert_close(whole, parts)
    whole.sum().backward()
    assert image.grad.abs().sum() > 0
