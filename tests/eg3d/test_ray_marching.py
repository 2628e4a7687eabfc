import torch

from adapter.eg3d.cpu import plain_kernels
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.ray_marching import accumulate, finish, march_weights, sample_weights
from adapter.eg3d.rendering import decode_and_march


def ray(samples=7, features=3, seed=0):
    random = torch.Generator().manual_seed(seed)
    densities = torch.randn(1, 4, samples, generator=random) * 4 + 4
    colors = torch.rand(1, 4, samples, features, generator=random)
    return densities, colors, torch.rand(1, 4, samples, generator=random).sort(dim=-1)[0] + 2


def march_slowly(densities, colors, depths):
    clear, color, distance, opacity = 1.0, torch.zeros(colors.shape[-1]), 0.0, 0.0
    for k in range(len(depths) - 1):
        density = torch.nn.functional.softplus((densities[k] + densities[k + 1]) / 2 - 1)
        alpha = 1 - torch.exp(-density * (depths[k + 1] - depths[k]))
        weight = alpha * clear
        color = color + weight * (colors[k] + colors[k + 1]) / 2
        distance = distance + weight * (depths[k] + depths[k + 1]) / 2
        opacity = opacity + weight
        clear = clear * (1 - alpha + 1e-10)
    return color, distance, opacity


def test_marching_equals_its_definition():
    densities, colors, depths = ray()
    marched = accumulate(densities, colors, depths)
    for index in range(4):
        expected = march_slowly(densities[0, index], colors[0, index], depths[0, index])
        for part, value in zip(marched, expected, strict=True):
            torch.testing.assert_close(part[0, index], value, rtol=1e-4, atol=1e-6)


def test_sample_weights_share_each_interval_between_its_ends():
    weights = march_weights(*ray()[::2])
    shares = sample_weights(weights)
    torch.testing.assert_close(shares.sum(dim=-1), weights.sum(dim=-1))
    torch.testing.assert_close(shares[..., 0], weights[..., 0] / 2)
    torch.testing.assert_close(shares[..., 1], (weights[..., 0] + weights[..., 1]) / 2)


def test_backgrounds_fill_what_is_left():
    marched = accumulate(*ray())
    none = finish(marched)[0]
    white = finish(marched, torch.ones(1))[0]
    torch.testing.assert_close(white - none, 2 * (1 - marched.opacity)[..., None].expand_as(none))
    own = torch.rand(4, 3)
    torch.testing.assert_close(finish(marched, own)[0], none + 2 * (1 - marched.opacity)[..., None] * own)


def test_depth_is_where_the_wall_stands():
    depths = torch.linspace(2, 3, 101).expand(1, 1, 101)
    densities = torch.where(depths > 2.5, 1e4, -1e4)
    _, depth, opacity = finish(accumulate(densities, torch.ones(1, 1, 101, 1), depths))
    assert abs(float(depth) - 2.5) < 0.02
    assert float(opacity) > 0.999


def test_rays_that_hit_nothing_are_infinitely_deep_with_finite_gradients():
    depths = torch.linspace(2, 3, 5).expand(1, 1, 5)
    densities = torch.full((1, 1, 5), -1e4, requires_grad=True)
    features, depth, opacity = finish(accumulate(densities, torch.ones(1, 1, 5, 2), depths))
    assert float(opacity.detach()) == 0
    assert depth.isinf().all()
    (features.sum() + depth.clamp(2.0, 3.0).sum() + opacity.sum()).backward()
    assert densities.grad.isfinite().all()


def decoder(tiny, gain=None):
    torch.manual_seed(0)
    network = Decoder(tiny.config)
    if gain:
        with torch.no_grad():
            network.net[0].weight *= gain
    return network


def test_fused_decoding_equals_the_plain_one_with_its_gradients(tiny, monkeypatch):
    # Several pieces of uneven size.
    monkeypatch.setattr("adapter.eg3d.cpu.fused.CACHED_UNITS", 16 * 50)
    network = decoder(tiny)
    random = torch.Generator().manual_seed(3)
    features = torch.randn(2, 11, 9, 8, generator=random).requires_grad_()
    depths = torch.rand(2, 11, 9, generator=random).sort(dim=-1)[0] + 2
    upstream = [torch.randn(shape, generator=random) for shape in ((2, 11, 8), (2, 11), (2, 11))]
    inputs = [features, *network.parameters()]

    def both():
        marched = decode_and_march(network, features, depths)
        return marched, torch.autograd.grad(marched, inputs, upstream)

    fast, fast_gradients = both()
    with torch.no_grad():
        without = decode_and_march(network, features, depths)
    with plain_kernels():
        plain, plain_gradients = both()
    for one, other, third in zip(fast, plain, without, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=2e-6)
        torch.testing.assert_close(one, third)
    for one, other in zip(fast_gradients, plain_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=2e-5)


def test_fused_decoding_survives_overflow(tiny):
    network = decoder(tiny, gain=1000.0).requires_grad_(False)
    features, depths = torch.randn(1, 5, 6, 8) * 10, torch.linspace(2, 3, 6).expand(1, 5, 6)
    fast = decode_and_march(network, features, depths)
    with plain_kernels():
        plain = decode_and_march(network, features, depths)
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_depths_keep_their_gradient(tiny):
    network, depths = decoder(tiny), torch.linspace(2, 3, 6).expand(1, 5, 6).clone().requires_grad_()
    decode_and_march(network, torch.randn(1, 5, 6, 8), depths).distance.sum().backward()
    assert depths.grad.abs().sum() > 0
