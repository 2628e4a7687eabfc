import dataclasses

import pytest
import torch

from adapter.eg3d import Generator, cameras_around_front, look_at
from adapter.eg3d.cpu import plain_kernels


def test_truncation_pulls_towards_the_average(tiny):
    z = torch.randn(3, 8, generator=torch.Generator().manual_seed(2))
    full, half, none = (tiny.mapping(z, truncation_psi=psi) for psi in (1.0, 0.5, 0.0))
    average = tiny.backbone.mapping.w_avg
    torch.testing.assert_close(half, average + 0.5 * (full - average))
    torch.testing.assert_close(none, average.expand_as(none))


def test_truncation_stops_at_its_cutoff(tiny):
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(2))
    full, cut = tiny.mapping(z), tiny.mapping(z, truncation_psi=0.3, truncation_cutoff=2)
    torch.testing.assert_close(cut[:, 2:], full[:, 2:])
    assert not torch.allclose(cut[:, :2], full[:, :2])


@pytest.mark.parametrize("z", [torch.zeros(8), torch.zeros(1, 7)])
def test_latents_of_another_shape_are_refused(tiny, z):
    with pytest.raises(ValueError, match="z must be"):
        tiny.mapping(z)


@pytest.mark.parametrize("zero", [False, True])
def test_conditioning_reaches_w_unless_it_is_zeroed(tiny, zero):
    torch.manual_seed(0)
    generator = Generator(dataclasses.replace(tiny.config, conditioning=25, conditioning_zero=zero))
    z = torch.randn(1, 8)
    one, other = generator.mapping(z, look_at(0.0)), generator.mapping(z, look_at(0.4))
    assert torch.allclose(one, other) == zero
    torch.testing.assert_close(generator.mapping(z), generator.mapping(z, torch.zeros(1, 25)))


def test_sampled_ws_are_conditioned_on_the_frontal_camera(tiny):
    torch.manual_seed(0)
    generator = Generator(dataclasses.replace(tiny.config, conditioning=25))
    z = torch.randn(2, 8)
    frontal = cameras_around_front(generator.config, [0.0, 0.0])
    torch.testing.assert_close(generator.sample_ws(z, 0.7), generator.mapping(z, frontal, 0.7))
    torch.testing.assert_close(tiny.sample_ws(z, 0.7), tiny.mapping(z, None, 0.7))


def test_backbone_noise_modes(tiny, ws):
    generator = Generator(tiny.config)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.5)
    random = [generator.planes(ws, "random", torch.Generator().manual_seed(seed)).values for seed in (1, 1, 2)]
    none, const = (generator.planes(ws, mode).values for mode in ("none", "const"))
    torch.testing.assert_close(random[0], random[1])
    assert not torch.allclose(random[0], random[2])
    assert not torch.allclose(none, const)


def test_fast_and_plain_planes_agree(tiny, ws):
    fast = tiny.planes(ws).values
    with plain_kernels():
        plain = tiny.planes(ws).values
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-4)


def test_parts_are_copies(tiny):
    parts = tiny.parts()
    parts.decoder.net[0].bias.data += 1
    assert not torch.equal(parts.decoder.net[0].bias, tiny.decoder.net[0].bias)
    assert parts.background is None


def test_gradients_reach_super_resolution_through_the_whole(tiny, planes, ws, cameras):
    parts = tiny.parts().requires_grad_(True)
    rendered = tiny.march(tiny.sample(planes, cameras), parts)
    tiny.superresolve(rendered.features, ws, parts).square().sum().backward()
    for name, parameter in parts.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
