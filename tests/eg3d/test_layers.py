import pytest
import torch
from torch.nn import functional as F

from adapter.eg3d.cpu import plain_kernels
from adapter.eg3d.layers import (
    ACTIVATION_GAIN,
    FullyConnected,
    conv2d_resample,
    normalize_rms,
    resample_filter,
    upsample_image,
)
from adapter.eg3d.modulated_conv import modulated_conv2d


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def zero_inserted(image):
    spread = image.new_zeros(*image.shape[:2], 2 * image.shape[2], 2 * image.shape[3])
    spread[:, :, ::2, ::2] = image
    return spread


def test_resample_filter_is_a_symmetric_low_pass():
    taps = resample_filter()
    assert taps.shape == (4, 4)
    # Exact: the taps are multiples of 1 / 64.
    assert taps.sum() == 1
    assert torch.equal(taps, taps.T)
    assert torch.equal(taps, taps.flip(0))


def test_fully_connected_scales_its_stored_weights():
    layer = FullyConnected(9, 5, lr_multiplier=0.01)
    x = random(4, 9)
    torch.testing.assert_close(layer(x), x @ (layer.weight * 0.01 / 3).T + layer.bias * 0.01)


def test_normalize_rms_gives_unit_mean_square():
    torch.testing.assert_close(normalize_rms(random(3, 64) * 7).square().mean(dim=1), torch.ones(3))


def test_upsample_image_is_zero_insertion_and_filter():
    image = random(2, 3, 5, 5)
    padded = F.pad(zero_inserted(image), (2, 1, 2, 1))
    expected = F.conv2d(padded, (resample_filter() * 4).expand(3, 1, 4, 4), groups=3)
    torch.testing.assert_close(upsample_image(image), expected)


def test_upsample_image_with_replicated_border_keeps_a_constant():
    # Interpolation weights of vectorised kernels may add up to one but for rounding.
    torch.testing.assert_close(upsample_image(torch.ones(1, 3, 4, 4), replicate=True), torch.ones(1, 3, 8, 8))
    assert upsample_image(torch.ones(1, 3, 4, 4))[0, 0, 0, 0] < 1


def test_upsampling_convolution_is_a_convolution_of_the_zero_inserted_image():
    x, weight = random(1, 4, 6, 6), random(5, 4, 3, 3, seed=1)
    # One more zero row and column in front: the transposed kernel reaches from -0 to +2.
    spread = F.pad(zero_inserted(x)[:, :, :-1, :-1], (2, 2, 2, 2))
    transposed = F.conv2d(spread, weight.flip(2, 3))
    expected = F.conv2d(transposed, (resample_filter() * 4).expand(5, 1, 4, 4), padding=1, groups=5)
    torch.testing.assert_close(conv2d_resample(x, weight, fir=resample_filter()), expected, rtol=1e-4, atol=1e-5)


def test_a_bias_that_is_trained_acts_as_one_that_is_not():
    x, weight, bias = random(2, 3, 8, 8), random(4, 3, 3, 3, seed=1), random(4, seed=2)
    fixed = conv2d_resample(x, weight, bias, fir=resample_filter(), replicate=True)
    trained = bias.clone().requires_grad_()
    found = conv2d_resample(x.requires_grad_(), weight, trained, fir=resample_filter(), replicate=True)
    torch.testing.assert_close(found, fixed)
    gradient = random(*found.shape, seed=3)
    found.backward(gradient)
    torch.testing.assert_close(trained.grad, gradient.sum(dim=(0, 2, 3)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("up", [False, True])
def test_replicated_border_hides_the_border_of_a_constant(up):
    x, weight = torch.ones(1, 2, 6, 6), random(3, 2, 3, 3)
    y = conv2d_resample(x, weight, fir=resample_filter() if up else None, replicate=True)
    assert y.shape[-1] == (12 if up else 6)
    pattern = y[:, :, 4:6, 4:6] if up else y[:, :, 2:3, 2:3]
    torch.testing.assert_close(y, pattern.repeat(1, 1, y.shape[2] // pattern.shape[2], y.shape[3] // pattern.shape[3]))


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("replicate", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_modulated_convolution_equals_explicit_weights_per_sample(up, replicate, count):
    x, weight, styles, bias = random(count, 6, 16, 16), random(4, 6, 3, 3), random(count, 6) + 1, random(4)
    options = {"fir": resample_filter() if up else None, "replicate": replicate}
    expected = []
    for features, style in zip(x, styles, strict=True):
        own = weight * style[None, :, None, None]
        own = own / own.square().sum(dim=(1, 2, 3), keepdim=True).add(1e-8).sqrt()
        expected.append(ACTIVATION_GAIN * (conv2d_resample(features[None], own, **options) + bias[:, None, None]))
    expected = torch.cat(expected)
    fast = modulated_conv2d(x, weight, styles, bias, gain=ACTIVATION_GAIN, **options)
    with plain_kernels():
        plain = modulated_conv2d(x, weight, styles, bias, gain=ACTIVATION_GAIN, **options)
    torch.testing.assert_close(fast, expected, rtol=1e-4, atol=2e-5)
    torch.testing.assert_close(plain, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("needs_grad", [False, True])
def test_modulated_convolution_without_demodulation(needs_grad):
    x, weight, styles, bias = random(2, 6, 8, 8), random(3, 6, 1, 1), random(2, 6), random(3)
    expected = 2 * (torch.einsum("oi,ni,nihw->nohw", weight[:, :, 0, 0], styles, x) + bias[:, None, None])
    with torch.set_grad_enabled(needs_grad):
        fast = modulated_conv2d(x, weight, styles, bias, gain=2.0, demodulate=False)
        with plain_kernels():
            plain = modulated_conv2d(x, weight, styles, bias, gain=2.0, demodulate=False)
    torch.testing.assert_close(fast, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(plain, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("up", [False, True])
def test_both_ways_have_the_same_gradients(up):
    values = [random(1, 6, 16, 16), random(4, 6, 3, 3), random(1, 6) + 1, random(4)]

    def gradients():
        inputs = [value.clone().requires_grad_() for value in values]
        y = modulated_conv2d(*inputs, fir=resample_filter() if up else None, replicate=True)
        return torch.autograd.grad((y * random(*y.shape, seed=5)).sum(), inputs)

    fast = gradients()
    with plain_kernels():
        plain = gradients()
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_equal_styles_share_one_convolution_with_the_same_gradients():
    styles = (random(1, 6) + 1).expand(2, -1)
    values = [random(2, 6, 16, 16), random(4, 6, 3, 3), random(4)]

    def gradients():
        x, weight, bias = (value.clone().requires_grad_() for value in values)
        y = modulated_conv2d(x, weight, styles, bias, fir=resample_filter(), replicate=True)
        return y.detach(), *torch.autograd.grad((y * random(*y.shape, seed=5)).sum(), [x, weight, bias])

    fast = gradients()
    with plain_kernels():
        plain = gradients()
    # Sums of some thousand products, in another order.
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_modulated_convolution_in_bf16_is_near_that_in_fp32():
    x, weight, styles, bias = random(1, 6, 16, 16), random(4, 6, 3, 3), random(1, 6) + 1, random(4)
    exact = modulated_conv2d(x, weight, styles, bias)
    found = modulated_conv2d(x.bfloat16(), weight, styles, bias)
    assert found.dtype == torch.bfloat16
    # bf16 has 8 bits; outputs are about 1, sums of 54 rounded products.
    torch.testing.assert_close(found.float(), exact, rtol=0, atol=0.05)
