import pytest
import torch
from torch.nn import functional as F

from adapter.eg3d.blocks import SynthesisBlock
from adapter.eg3d.cpu import plain_kernels, winograd
from adapter.eg3d.layers import convolution, resample_filter


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slowly(x, weight, finish, **options):
    """In double precision, by the plain convolution."""
    y = convolution(x.double(), weight.double(), finish.bias.double(), fir=resample_filter().double(), **options)
    if finish.noise is not None:
        y = y + finish.noise
    y = F.leaky_relu(y, finish.slope)
    return y if finish.limit is None else y.clamp(-finish.limit, finish.limit)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("replicate", [False, True])
@pytest.mark.parametrize(
    ("inputs", "outputs", "height", "width"), [(7, 5, 9, 14), (16, 16, 32, 32), (8, 12, 3, 50), (4, 4, 1, 1)]
)
def test_tiles_equal_the_plain_convolution(up, replicate, inputs, outputs, height, width, monkeypatch):
    # Several strips, of which the last is shorter.
    monkeypatch.setattr(winograd, "STRIP", 2 * -(-width // 4))
    x = random(1, inputs, height, width).contiguous(memory_format=torch.channels_last)
    weight, scale = random(outputs, inputs, 3, 3, seed=1) / (9 * inputs) ** 0.5, 2 if up else 1
    noise, colours = random(height * scale, width * scale, seed=2), random(3, outputs, seed=3)
    finish = winograd.Finish(random(outputs, seed=4), noise, 0.2, 1.5, colours)
    options = {"up": up, "replicate": replicate}
    made, seen = winograd.convolve(x, weight, finish, fir=resample_filter(), **options)
    expected = slowly(x, weight, finish, **options)
    torch.testing.assert_close(made, expected.float(), rtol=0, atol=2e-5)
    torch.testing.assert_close(
        seen, torch.einsum("nohw,ko->nkhw", expected, colours.double()).float(), rtol=0, atol=1e-4
    )
    unkept, alone = winograd.convolve(x, weight, finish, fir=resample_filter(), keep=False, **options)
    assert unkept is None
    assert torch.equal(alone, seen)


@pytest.mark.parametrize("up", [False, True])
def test_large_features_keep_their_relative_precision(up):
    x, weight = random(1, 128, 20, 24) * 100, random(64, 128, 3, 3, seed=1) / (9 * 128) ** 0.5
    finish = winograd.Finish(torch.zeros(64), slope=0.2, limit=256.0)
    made, _ = winograd.convolve(x, weight, finish, up=up, fir=resample_filter())
    assert float((made - slowly(x, weight, finish, up=up)).abs().max()) < 256 * 1e-5


def test_thread_counts_and_repeats_do_not_change_a_bit():
    x, weight = random(1, 16, 64, 64), random(16, 16, 3, 3, seed=1)
    before, made = torch.get_num_threads(), []
    with torch.no_grad():
        for threads in (1, 2, 2, 3):
            torch.set_num_threads(threads)
            made.append(winograd.convolve(x, weight, winograd.Finish(torch.zeros(16)))[0])
    torch.set_num_threads(before)
    assert all(torch.equal(one, made[0]) for one in made[1:])


def block(up):
    torch.manual_seed(0)
    made = SynthesisBlock(8, 12, 6, 24 if up else 12, 3, up=up, limit=256.0)
    for layer in (made.conv0, made.conv1):
        torch.nn.init.normal_(layer.bias)
        torch.nn.init.constant_(layer.noise_strength, 0.3)
    return made


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("noise", ["none", "const", "random"])
def test_blocks_in_tiles_equal_plain_ones_for_every_sample(up, noise, monkeypatch):
    monkeypatch.setattr(winograd, "pays", lambda weight, x, up: True)
    made, x, image, ws = block(up), random(3, 8, 12, 12), random(3, 3, 12, 12, seed=1), random(3, 3, 6, seed=2)

    def both(keep=True):
        return made(x, image, ws, noise, torch.Generator().manual_seed(5), keep)

    with torch.no_grad():
        fast, without = both(), both(keep=False)
        with plain_kernels():
            plain = both()
    for one, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert without[0] is None
    assert torch.equal(without[1], fast[1])


def test_training_stays_with_the_plain_convolution(monkeypatch):
    monkeypatch.setattr(winograd, "pays", lambda weight, x, up: True)
    monkeypatch.setattr(winograd, "convolve", lambda *args, **options: pytest.fail("no gradient would flow"))
    made = block(True)
    x, rgb = made(random(1, 8, 12, 12), None, random(1, 3, 6), "none")
    (x.sum() + rgb.sum()).backward()
    assert made.conv0.weight.grad.abs().sum() > 0


def test_wide_and_large_layers_pay():
    weight = torch.empty(256, 256, 3, 3)
    assert winograd.pays(weight, torch.empty(1, 256, 128, 128), up=False)
    assert not winograd.pays(weight, torch.empty(1, 256, 16, 16), up=False)
    assert not winograd.pays(torch.empty(48, 48, 3, 3), torch.empty(1, 48, 128, 128), up=False)
    assert not winograd.pays(torch.empty(256, 256, 1, 1), torch.empty(1, 256, 128, 128), up=False)
