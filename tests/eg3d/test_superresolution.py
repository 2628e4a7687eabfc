import dataclasses

import pytest
import torch

from adapter.eg3d import SUPERRESOLUTIONS, Eg3dConfig
from adapter.eg3d.cpu import plain_kernels
from adapter.eg3d.superresolution import Superresolution


def build(name, **changes):
    torch.manual_seed(0)
    sizes = dataclasses.replace(SUPERRESOLUTIONS[name], **({"channels": (16, 16)} | changes))
    return Superresolution(Eg3dConfig(sizes, w_dim=8, feature_channels=8)).requires_grad_(False)


def inputs(side, count=1):
    random = torch.Generator().manual_seed(1)
    return torch.rand(count, 8, side, side, generator=random) * 2 - 1, torch.randn(count, 14, 8, generator=random)


def test_2x_reports_the_first_blocks_colours_as_raw_image():
    features, ws = inputs(64)
    before = features.clone()
    image, raw = build("2X")(features, ws)
    plain_image, plain_raw = build("2X", inplace_rgb=False)(features, ws)
    assert torch.equal(features, before)
    torch.testing.assert_close(image, plain_image)
    assert torch.equal(plain_raw, features[:, :3])
    assert (raw - plain_raw).abs().max() > 0.01


def test_2x_after_a_resize_reports_the_rendered_colours():
    features, ws = inputs(32)
    assert torch.equal(build("2X")(features, ws)[1], features[:, :3])


def test_4x_enlarges_small_features_only():
    module = build("4X", input_resolution=16)
    assert module(*inputs(8))[0].shape[-1] == 32
    assert module(*inputs(16))[0].shape[-1] == 32
    assert module(*inputs(20))[0].shape[-1] == 40


@pytest.mark.parametrize(("name", "factor"), [("2X", 2), ("8X", 4), ("8X-DC", 4)])
def test_output_sides(name, factor):
    assert build(name, input_resolution=16)(*inputs(24))[0].shape == (1, 3, 16 * factor, 16 * factor)


def test_only_the_last_w_is_read():
    module, (features, ws) = build("2X", input_resolution=16), inputs(16)
    other = ws.clone()
    other[:, :-1] = 0
    torch.testing.assert_close(module(features, ws)[0], module(features, other)[0])


def test_samples_of_a_batch_do_not_mix():
    module, (features, ws) = build("2X", input_resolution=16), inputs(16, count=2)
    together = module(features, ws)[0]
    torch.testing.assert_close(together[1:], module(features[1:], ws[1:])[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize("mode", ["none", "const"])
def test_fast_and_plain_ways_agree(padding, mode):
    module, (features, ws) = build("8X", input_resolution=32, padding=padding), inputs(32, count=2)
    for name, parameter in module.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.3)
    fast = module(features, ws, mode)[0]
    with plain_kernels():
        plain = module(features, ws, mode)[0]
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-4)


def test_constant_noise_of_no_strength_is_no_noise():
    module, given = build("2X", input_resolution=16), inputs(16)
    torch.testing.assert_close(module(*given, "const")[0], module(*given, "none")[0])


def test_random_noise_follows_its_generator():
    module, given = build("2X", input_resolution=16), inputs(16)
    module.block0.conv0.noise_strength.fill_(1.0)
    one, same, other = (module(*given, "random", torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
    torch.testing.assert_close(one, same)
    assert not torch.allclose(one, other)


def test_replicated_padding_keeps_constant_features_constant():
    features, ws = torch.full((1, 8, 16, 16), 0.3), inputs(16)[1]
    image = build("2X", input_resolution=16, padding="replicate")(features, ws)[0]
    pattern = image[:, :, 10:12, 10:12].repeat(1, 1, 16, 16)
    torch.testing.assert_close(image, pattern, rtol=1e-4, atol=1e-4)
    zeros = build("2X", input_resolution=16)(features, ws)[0]
    assert (zeros - zeros[:, :, 10:12, 10:12].repeat(1, 1, 16, 16)).abs().max() > 0.01


def test_the_clamp_bounds_features():
    module, (features, ws) = build("2X", input_resolution=16, clamp=0.5), inputs(16)
    seen = []
    module.block1.conv1.register_forward_hook(lambda _, __, output: seen.append(output))
    module(features, ws)
    assert seen[0].abs().max() <= 0.5
    assert (seen[0].abs() == 0.5).any()


def test_gradients_reach_weights_latents_and_features():
    module, (features, ws) = build("2X", input_resolution=16).requires_grad_(True), inputs(16, count=2)
    features.requires_grad_()
    ws.requires_grad_()
    module(features, ws, "const")[0].square().sum().backward()
    assert features.grad.abs().sum() > 0
    assert ws.grad[:, -1].abs().sum() > 0
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
